import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '#shared/clock.ts'
import { ApiRefusal, type RefusalReason } from './api-refusal.ts'
import type { ResolveImage } from './images.ts'
import type { Alias, Deployed, Domain, Fields, Revision, Trigger, World } from './world.ts'

export interface DeploymentsOptions {
  readonly world: World
  readonly save: () => void
  readonly clock: Clock
  /** How long a change of a function takes, at least. */
  readonly settleMs: number
  readonly resolve: ResolveImage
  readonly imageOf: (fields: Fields) => string
  readonly latest: string
}

/** Functions with their versions, aliases and triggers, and how they change. Whoever asks for what is not there meets an ApiRefusal. */
export interface Deployments {
  readonly world: World
  readonly find: (name: string) => Deployed
  create(name: string, fields: Fields): Deployed
  /** Merges `fields` into the latest revision. */
  change(name: string, fields: Fields): Deployed
  remove(name: string): Deployed
  /** Freezes the latest revision. */
  publish(name: string, description: string): Revision
  removeVersion(name: string, version: string): void
  /** The revision that a version names, or the latest. */
  readonly revision: (deployed: Deployed, version: string) => Revision
  readonly alias: (name: string, alias: string) => Alias
  putAlias(name: string, alias: Alias, how: 'create' | 'update'): Alias
  removeAlias(name: string, alias: string): void
  readonly trigger: (name: string, trigger: string) => Trigger
  putTrigger(name: string, trigger: Trigger, how: 'create' | 'update'): Trigger
  removeTrigger(name: string, trigger: string): Trigger
  readonly domain: (name: string) => Domain
  putDomain(domain: Domain, how: 'create' | 'update'): Domain
  removeDomain(name: string): void
  readonly save: () => void
  /** Leaves changes that are under way to the next control plane on the same folder. */
  stop(): Promise<void>
}

export function createDeployments(options: DeploymentsOptions): Deployments {
  const { world, save, clock, resolve, imageOf, latest } = options
  const settling = new Set<Promise<void>>()
  const stopping = new AbortController()
  // What a process before this one left in the middle is carried out now.
  for (const deployed of world.functions) if (deployed.state === 'changing') settle(deployed)

  function find(name: string): Deployed {
    return found(
      world.functions.find((it) => it.name === name),
      'function_missing',
      `function '${name}' does not exist`,
    )
  }

  /** No change may begin while the last one is under way, as in the cloud. */
  function quiet(name: string): Deployed {
    const deployed = find(name)
    if (deployed.state === 'changing')
      throw new ApiRefusal(
        'busy_function',
        `function '${name}' is being changed; try again when it is active`,
      )
    return deployed
  }

  function settle(deployed: Deployed): void {
    const { changedAtMs, fields } = deployed.latest
    const paused = delay(options.settleMs, undefined, { signal: stopping.signal })
    const work = Promise.all([resolve(imageOf(fields)), paused])
      .then(([image]) => image)
      .catch((error: unknown) => String(error))
      .then((image) => {
        if (stopping.signal.aborted) return
        if (deployed.latest.changedAtMs !== changedAtMs || !world.functions.includes(deployed)) return
        const reason = image === undefined ? `the image ${imageOf(fields)} does not exist` : image
        deployed.state = typeof reason === 'string' ? 'failed' : 'active'
        deployed.reason = typeof reason === 'string' ? reason : ''
        if (typeof image === 'object') {
          deployed.isNew = false
          deployed.latest = { ...deployed.latest, image }
        }
        save()
      })
    settling.add(work)
    void work.finally(() => settling.delete(work))
  }

  function create(name: string, fields: Fields): Deployed {
    if (world.functions.some((it) => it.name === name))
      throw new ApiRefusal('function_exists', `function '${name}' already exists`)
    const now = clock()
    const deployed: Deployed = {
      name,
      createdAtMs: now,
      state: 'changing',
      isNew: true,
      reason: '',
      latest: { version: latest, fields, description: '', changedAtMs: now },
      versions: [],
      nextVersion: 1,
      aliases: [],
      triggers: [],
      reservedConcurrency: undefined,
    }
    world.functions.push(deployed)
    save()
    settle(deployed)
    return deployed
  }

  function change(name: string, fields: Fields): Deployed {
    const deployed = quiet(name)
    // Two changes within a millisecond are two revisions still.
    const changedAtMs = Math.max(clock(), deployed.latest.changedAtMs + 1)
    deployed.latest = { ...deployed.latest, fields: { ...deployed.latest.fields, ...fields }, changedAtMs }
    deployed.state = 'changing'
    save()
    settle(deployed)
    return deployed
  }

  function publish(name: string, description: string): Revision {
    const deployed = quiet(name)
    if (deployed.state === 'failed')
      throw new ApiRefusal('busy_function', `function '${name}' is not active: ${deployed.reason}`)
    const version = String(deployed.nextVersion++)
    const revision = { ...deployed.latest, version, description, changedAtMs: clock() }
    deployed.versions = [...deployed.versions, revision]
    save()
    return revision
  }

  function revision(deployed: Deployed, version: string): Revision {
    const all = [deployed.latest, ...deployed.versions]
    return found(
      all.find((it) => it.version === version),
      'version_missing',
      `version '${version}' of function '${deployed.name}' does not exist`,
    )
  }

  function putAlias(name: string, alias: Alias, how: 'create' | 'update'): Alias {
    const deployed = find(name)
    for (const version of [alias.version, ...Object.keys(alias.weights)]) revision(deployed, version)
    const weight = Object.values(alias.weights).reduce((sum, share) => sum + share, 0)
    if (!(weight >= 0 && weight <= 1)) throw new ApiRefusal('invalid', 'weights must be from 0 to 1')
    deployed.aliases = put(deployed.aliases, alias, how, 'alias')
    save()
    return alias
  }

  function putTrigger(name: string, trigger: Trigger, how: 'create' | 'update'): Trigger {
    const deployed = find(name)
    deployed.triggers = put(deployed.triggers, trigger, how, 'trigger')
    save()
    return trigger
  }

  const alias = (name: string, wanted: string) =>
    found(
      find(name).aliases.find((it) => it.name === wanted),
      'alias_missing',
      `alias '${wanted}' of function '${name}' does not exist`,
    )
  const trigger = (name: string, wanted: string) =>
    found(
      find(name).triggers.find((it) => it.name === wanted),
      'trigger_missing',
      `trigger '${wanted}' of function '${name}' does not exist`,
    )
  const domain = (name: string) =>
    found(
      world.domains.find((it) => it.name === name),
      'domain_missing',
      `domain name '${name}' does not exist`,
    )

  return {
    world,
    find,
    create,
    change,
    publish,
    revision,
    alias,
    putAlias,
    trigger,
    putTrigger,
    domain,
    save,
    remove(name) {
      const deployed = find(name)
      world.functions = world.functions.filter((it) => it !== deployed)
      save()
      return deployed
    },
    removeVersion(name, version) {
      const deployed = find(name)
      const old = revision(deployed, version)
      if (deployed.aliases.some((it) => it.version === version || version in it.weights))
        throw new ApiRefusal('version_used', `version '${version}' of function '${name}' has an alias`)
      deployed.versions = deployed.versions.filter((it) => it !== old)
      save()
    },
    removeAlias(name, wanted) {
      const old = alias(name, wanted)
      const deployed = find(name)
      deployed.aliases = deployed.aliases.filter((it) => it !== old)
      save()
    },
    removeTrigger(name, wanted) {
      const old = trigger(name, wanted)
      const deployed = find(name)
      deployed.triggers = deployed.triggers.filter((it) => it !== old)
      save()
      return old
    },
    putDomain(changed, how) {
      world.domains = put(world.domains, changed, how, 'domain')
      save()
      return changed
    },
    removeDomain(name) {
      const old = domain(name)
      world.domains = world.domains.filter((it) => it !== old)
      save()
    },
    async stop() {
      stopping.abort()
      await Promise.all(settling)
    },
  }
}

function found<T>(thing: T | undefined, reason: RefusalReason, message: string): T {
  if (thing === undefined) throw new ApiRefusal(reason, message)
  return thing
}

/** `list` with `item` in place of the one of its name, or at its end. */
function put<T extends { readonly name: string }>(
  list: readonly T[],
  item: T,
  how: 'create' | 'update',
  kind: 'alias' | 'trigger' | 'domain',
): readonly T[] {
  if (how === 'update') return list.map((it) => (it.name === item.name ? item : it))
  if (list.some(({ name }) => name === item.name))
    throw new ApiRefusal(`${kind}_exists`, `${kind} '${item.name}' already exists`)
  return [...list, item]
}
