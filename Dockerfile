# The same image runs every actor and the command line; the command says which.
FROM node:20-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build && npm prune --omit=dev

FROM node:20-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build --chmod=755 /app/dist ./dist
# So that `docker compose exec dispatcher muster …` reads as it does on any other machine.
RUN ln -s /app/dist/cli/main.js /usr/local/bin/muster
USER node
# The young space is that of the actors that `muster up` starts (src/bootstrap/fork-actor.ts).
ENTRYPOINT ["node", "--max-semi-space-size=32", "dist/cli/main.js"]
