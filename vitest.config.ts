import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    // Real brokers and processes share two cores: more files at once only makes each of them wait.
    maxWorkers: 2,
    pool: "forks",
    reporters: ["default", "./test/support/closing-line.ts"],
  },
});
