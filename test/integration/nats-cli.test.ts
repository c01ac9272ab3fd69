import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Fleet, type ServerOnDisk, serverOnDisk } from "../support/fleet.ts";
import { findNatsCli, natsCli } from "../support/nats-cli.ts";

const cli = await findNatsCli();
const why =
  cli === undefined
    ? " (skipped: no nats command line on PATH; go install github.com/nats-io/natscli/nats@latest)"
    : "";

describe.skipIf(cli === undefined)(`the real nats command line drives muster${why}`, () => {
  let server: ServerOnDisk;
  let fleet: Fleet;
  const nats = async (...args: string[]) => await natsCli(cli ?? "", server.url, args);

  beforeAll(async () => {
    server = await serverOnDisk();
    fleet = await Fleet.join(server.url);
    await fleet.startAll();
  });
  afterAll(async () => {
    await fleet?.stop();
    await server?.remove();
  });

  it("prints the result of nats req muster.run", async () => {
    const { stdout } = await nats("req", "muster.run.double", "[1,2,3,4,5]", "--raw");
    expect(stdout.trim()).toBe("[2,4,6,8,10]");
  });

  it("takes options from headers", async () => {
    const { stdout } = await nats(
      "req",
      "muster.run.double",
      "[1,2,3,4,5]",
      "-H",
      "Muster-Reduce:sum",
      "--raw",
    );
    expect(stdout.trim()).toBe("30");
  });

  it("works on a job that nats pub -J stored, whose outcome lies in the stream as plain JSON", async () => {
    const { stderr, stdout } = await nats(
      "pub",
      "-J",
      "muster.jobs.double",
      "[7,8]",
      "-H",
      "Nats-Msg-Id:from-the-cli",
    );
    expect(stdout + stderr).toMatch(/Stored in Stream: MUSTER_JOBS|MUSTER_JOBS/);
    const { text } = await fleet.result("from-the-cli");
    expect(text).toBe("[14,16]");
    const shown = await nats("stream", "get", "MUSTER_OUTCOMES", "-S", "muster.outcomes.from-the-cli");
    expect(shown.stdout).toContain("[14,16]");
    expect(shown.stdout).toContain("Muster-State: succeeded");
  });

  it("runs the rows of a file that nats object put has stored, whatever their size", async () => {
    const folder = await mkdtemp(join(tmpdir(), "muster-nats-cli-"));
    const rows = Array.from({ length: 20_000 }, (_, i) => [String(i), `"é\n${i}"`]);
    await writeFile(join(folder, "rows.csv"), `n,text\n${rows.map((row) => row.join(",")).join("\n")}`);
    await nats(
      "object",
      "put",
      "MUSTER_INPUTS",
      join(folder, "rows.csv"),
      "--name",
      "rows.csv",
      "--no-progress",
    );
    await rm(folder, { recursive: true });
    const body = '{"object":"MUSTER_INPUTS/rows.csv","format":"csv"}';
    await nats("pub", "-J", "muster.jobs.echo", body, "-H", "Nats-Msg-Id:rows");
    const { text } = await fleet.result("rows");
    expect(JSON.parse(text)).toEqual(rows.map(([n], i) => ({ n, text: `é\n${i}` })));
  });

  it("replies at once to nats req muster.submit", async () => {
    const { stdout } = await nats("req", "muster.submit.sleep", "[200]", "--raw");
    const { job, state } = JSON.parse(stdout);
    expect(state).toBe("accepted");
    expect((await fleet.result(job)).text).toBe("[200]");
  });

  it("streams accepted, progress, the result and an empty message to nats req muster.watch", async () => {
    const { stdout } = await nats(
      "req",
      "muster.watch.sleep",
      "[300,300,300,300,300,300,300,300]",
      "--wait-for-empty",
      "--reply-timeout",
      "20s",
      "--raw",
    );
    // The command line shows the empty message that ends the watch as "nil body".
    const lines = stdout.split("\n").filter((line) => line !== "" && line !== "nil body");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ state: "accepted", kind: "sleep" });
    const progress = lines.slice(1, -1).map((line) => JSON.parse(line));
    expect(progress.length).toBeGreaterThanOrEqual(2);
    expect(progress.every(({ state, total }) => state === "running" && total === 8)).toBe(true);
    expect(lines.at(-1)).toBe("[300,300,300,300,300,300,300,300]");
  });

  it("shows a service error with its code for a body that is not JSON", async () => {
    const { stdout, stderr } = await nats("req", "muster.run.double", "[1,2");
    expect(stderr).toContain("Nats-Service-Error-Code: 400");
    expect(stdout).toContain('"code":"invalid_json"');
  });

  it("cancels, gets, lists and reads results by muster.job", async () => {
    const submitted = await nats("req", "muster.submit.sleep", '{"items":[60000,60000],"chunk":1}', "--raw");
    const { job } = JSON.parse(submitted.stdout);
    const asked = await fleet.client.ask<{ state: string }>("get", { job });
    expect(asked.state).toBe("running");
    const early = await nats("req", "muster.job.result", JSON.stringify({ job }), "--raw");
    expect(JSON.parse(early.stdout).error.code).toBe("job_not_finished");
    const cancelled = await nats("req", "muster.job.cancel", JSON.stringify({ job }), "--raw");
    expect(JSON.parse(cancelled.stdout)).toEqual({ job, state: "cancelled" });
    const got = await nats("req", "muster.job.get", JSON.stringify({ job }), "--raw");
    expect(JSON.parse(got.stdout)).toMatchObject({ job, state: "cancelled" });
    const listed = await nats("req", "muster.job.list", "{}", "--raw");
    expect(JSON.parse(listed.stdout).jobs.map((view: { job: string }) => view.job)).toContain(job);
    const result = await nats("req", "muster.job.result", JSON.stringify({ job }), "--raw");
    expect(JSON.parse(result.stdout).error.code).toBe("job_cancelled");
  });

  it("hands in failed items once more by muster.job.retry, and only once", async () => {
    const failing = '{"items":[{"permanent":true},{"times":0}],"onError":"continue","key":"half-failed"}';
    await nats("req", "muster.run.fail", failing, "--raw");
    const retry = async () =>
      JSON.parse((await nats("req", "muster.job.retry", '{"job":"half-failed"}', "--raw")).stdout);
    const retried = await retry();
    expect(retried).toMatchObject({ items: 1, kept: 0 });
    const outcome = await fleet.client.outcome(retried.job);
    expect(outcome).toMatchObject({ state: "failed", counts: { items: 1, failed: 1 } });
    expect((await retry()).error.code).toBe("unknown_job");
  });

  it("stores outputs in an object and in a stream of the user's, and tells the receipt", async () => {
    await nats("object", "add", "REPORTS");
    await nats("stream", "add", "SCORES", "--subjects=scores.>", "--dupe-window=10m", "--defaults");
    const body = '{"range":{"to":20},"output":{"object":"REPORTS/doubles.json"}}';
    const reply = await nats("req", "muster.run.double", body, "--raw");
    expect(JSON.parse(reply.stdout)).toMatchObject({ object: "REPORTS/doubles.json" });
    expect((await nats("object", "ls", "REPORTS")).stdout).toContain("doubles.json");
    const published = '{"range":{"to":20},"key":"receipted","output":{"subject":"scores.cli"}}';
    expect((await nats("req", "muster.run.double", published, "--raw")).stdout.trim()).toBe("20");
    expect((await nats("stream", "get", "SCORES", "-S", "scores.cli")).stdout).toContain("Muster-Index");
    const { stdout } = await nats("req", "muster.job.receipt", '{"job":"receipted"}', "--raw");
    expect(JSON.parse(stdout)).toMatchObject({ job: "receipted", items: 20, outputs: 20, attempts: 20 });
  });

  it("shows the life of jobs to nats sub muster.events", async () => {
    const subscribed = nats("sub", "muster.events.finished.*", "--count", "1", "--raw");
    // nats prints nothing when it has subscribed; jobs are sent until it has seen one.
    let seen: string | undefined;
    subscribed.then(
      ({ stdout }) => {
        seen = stdout;
      },
      () => {
        seen = "";
      },
    );
    while (seen === undefined) await fleet.run("double", "[1]");
    expect(JSON.parse(seen.trim().split("\n").at(-1) ?? "")).toMatchObject({
      type: "finished",
      kind: "double",
      state: "succeeded",
    });
  });

  it("lists the actors with nats micro ls, and their stats", async () => {
    const { stdout } = await nats("micro", "ls");
    for (const name of ["muster-dispatcher", "muster-worker", "muster-aggregator"])
      expect(stdout).toContain(name);
    const stats = await nats("micro", "stats", "muster-worker", "--json");
    expect(stats.stdout).toContain('"num_requests"');
    const info = await nats("micro", "info", "muster-worker");
    expect(info.stdout).toContain("kinds");
  });

  it("finds dead letters in their stream", async () => {
    const job = await fleet.client.submit({ kind: "fail", body: '[{"permanent":true,"n":41}]' });
    expect((await fleet.result(job)).outcome.state).toBe("failed");
    const { stdout } = await nats("stream", "get", "MUSTER_DEAD", "-S", `muster.dead.fail.${job}`);
    expect(stdout).toContain('"n":41');
    expect(stdout).toContain("handler_failed");
  });
});
