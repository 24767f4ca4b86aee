import type { DeployCloud } from './cloud.ts'
import type { DesiredFunction } from './desired-state.ts'

export interface RollBackOptions {
  readonly cloud: DeployCloud
  /** The version to go back to; the one that was live before unless given. */
  readonly to: string | undefined
  readonly say: (name: string, text: string) => void
}

/** Leads callers to an earlier version at once. @throws Error when there is none */
export async function rollBack(
  { name, platformName }: DesiredFunction,
  { cloud, to, say }: RollBackOptions,
): Promise<void> {
  const running = await cloud.find(platformName)
  const live = running?.live
  if (running === undefined || live === undefined) throw new Error(`${platformName} is not deployed`)
  // A canary is an unfinished switch: going back is going to what it would have replaced.
  const version =
    to ??
    (live.canary === undefined ? (live.previous ?? before(running.versions, live.version)) : live.version)
  if (version === undefined) throw new Error(`${platformName} has no version before ${live.version}`)
  if (!running.versions.some((it) => it.version === version))
    throw new Error(
      `${platformName} has no version ${version}, only ${running.versions.map((it) => it.version).join(', ')}`,
    )
  await cloud.point(
    platformName,
    { version, ...(version === live.version ? {} : { previous: live.version }) },
    true,
  )
  say(name, `version ${version} is live${version === live.version ? '' : `, in place of ${live.version}`}`)
}

function before(versions: readonly { readonly version: string }[], live: string): string | undefined {
  return versions[versions.findIndex(({ version }) => version === live) + 1]?.version
}
