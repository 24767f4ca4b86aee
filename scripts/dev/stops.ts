/** Things to be stopped in the opposite order of their start. */
export interface Stops {
  /** Notes what `starting` becomes, so that it is stopped even when something else fails first. */
  readonly keep: <T extends { readonly stop: () => Promise<void> }>(starting: Promise<T>) => Promise<T>
  /** Stops everything that is started or still starting. Never rejects. */
  readonly all: () => Promise<void>
}

export function createStops(): Stops {
  const kept: Promise<() => Promise<void>>[] = []

  async function all(): Promise<void> {
    for (const starting of kept.splice(0).toReversed()) {
      try {
        const stop = await starting
        await stop()
      } catch {
        // It never started, which its own caller was told; or it ended by itself, which is what is wanted.
      }
    }
  }

  return {
    keep(starting) {
      const stopping = starting.then(({ stop }) => stop)
      stopping.catch(() => {}) // told to its own caller; here it matters only when all are stopped
      kept.push(stopping)
      return starting
    },
    all,
  }
}
