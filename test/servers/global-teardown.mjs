// Runs once after the medium and e2e tests. When it is not reached, the leashes end the servers all the same.
export default async function tearDown() {
  await globalThis.holdfastTestServers?.stop();
}
