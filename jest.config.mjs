// Five tiers, cheapest first (CONTRIBUTING.md). `unit` needs nothing; `servers` needs nginx, haproxy and
// Apache; `kernel` and `cluster` need root and Linux; `browser` needs a Chromium as well.
const project = (displayName, testMatch) => ({
  displayName,
  testMatch,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts', '.tsx'],
  transform: { '\\.tsx?$': '<rootDir>/scripts/jest-esbuild.cjs' },
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  // The library itself, with a seed.
  moduleNameMapper: { '^fast-check$': '<rootDir>/test/seeded-fast-check.ts' },
})

export default {
  // Of a test that names none, in ms: a test is slow where two of them share two cores with servers and pods.
  testTimeout: 20_000,
  // A worker that has run half of the files holds 1.8 GB, and Node takes longer to give that back at its end than the
  // half second that Jest waits before it says that a test has left something open. One that holds more than this
  // after a file is followed by a new one, in half a second.
  workerIdleMemoryLimit: '900MB',
  projects: [
    project('unit', [
      '<rootDir>/test/{core,webhook,proxy,proxy-init,controller,cli,viewer,playground,bench,deploy,repo,contract}/**/*.test.ts',
    ]),
    project('servers', ['<rootDir>/test/servers/**/*.test.ts']),
    project('kernel', ['<rootDir>/test/kernel/**/*.test.ts']),
    project('cluster', ['<rootDir>/test/cluster/**/*.test.ts']),
    project('browser', ['<rootDir>/test/browser/**/*.test.ts']),
  ],
}
