import type { Alias } from './world.ts'

/** The version that a call of an alias runs: by the weights, where `at` is anywhere from 0 up to 1. */
export function chooseVersion({ version, weights }: Pick<Alias, 'version' | 'weights'>, at: number): string {
  let below = 0
  for (const [other, weight] of Object.entries(weights)) {
    below += weight
    if (at < below) return other
  }
  return version
}
