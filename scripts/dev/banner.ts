import { kb } from '#scripts/build/check-bundle.ts'
import type { Bundle } from '#scripts/emulator/bundle.ts'

export interface BannerFacts {
  readonly url: string
  readonly as: string
  readonly runtime: string
  /** What the functions stand on, by what people call it. */
  readonly backing: Readonly<Record<string, string>>
  /** Whether codes such as dev-alice work. */
  readonly hasStandIn: boolean
  readonly functions: readonly (Bundle | { readonly name: string; readonly broken: true })[]
  readonly tookMs: number
}

/** What a person needs once everything runs. */
export function banner({ url, as, runtime, backing, hasStandIn, functions, tookMs }: BannerFacts): string {
  const sizes = functions.map((it) =>
    'broken' in it ? `${it.name} (does not build)` : `${it.name} ${kb(it.bytes)} KB`,
  )
  const rows = {
    API: `${url}/api/v1   (as on ${as.toUpperCase()}, ${runtime})`,
    ...backing,
    Functions: sizes.join(', '),
  }
  const code = hasStandIn ? 'dev-alice' : '<code from wx.login>'
  return [
    `小函 is ready in ${Math.round(tookMs)} ms`,
    '',
    ...Object.entries(rows).map(([name, about]) => `  ${name.padEnd(11)} ${about}`),
    '',
    `  curl -s ${url}/api/v1/login -H 'content-type: application/json' -d '{"code":"${code}"}'`,
    '',
  ].join('\n')
}
