import type { Pointed } from './cloud.ts'

/** What an alias's description says, so that a rollback from any machine knows where to. */
export function describe({ previous }: Pick<Pointed, 'previous'>): string {
  return previous === undefined ? 'xiaohan' : `xiaohan, before: ${previous}`
}

export function previousIn(description: string): string | undefined {
  return /^xiaohan, before: (\S+)$/.exec(description)?.[1]
}
