/** Images by `docker build`, for those who have a docker and can reach the registries of the bases. */
import { join } from 'node:path'
import { type Exec, execOk } from '../../core/exec.ts'

/** Pulling two base images over a slow line is the longest part. */
const LIMIT_MS = 15 * 60_000

/** Rejects with docker's own words if there is none, or if it fails. */
export async function dockerBuild(
  run: Exec,
  wanted: { repository: string; name: string; image: string },
): Promise<void> {
  const { repository, name, image } = wanted
  const file = join(repository, 'deploy/images', name, 'Dockerfile')
  // Every context is the repository; what is sent of it is in the file's own .dockerignore.
  await execOk(run, 'docker', ['build', '--file', file, '--tag', image, repository], {
    timeoutMs: LIMIT_MS,
    env: { DOCKER_BUILDKIT: '1' },
  })
}
