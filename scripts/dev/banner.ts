import { kb } from '#scripts/build/check-bundle.ts'
import type { Bundle } from '#scripts/emulator/bundle.ts'

export interface BannerFacts {
  readonly url: string
  readonly as: string
  readonly runtime: string
  readonly database: string
  readonly stateStore: string
  readonly wechat: string
  readonly storage: string
  readonly shop: string
  readonly traces: string
  /** Whether codes such as dev-alice work. */
  readonly hasStandIn: boolean
  readonly functions: readonly (Bundle | { readonly name: string; readonly broken: true })[]
  readonly tookMs: number
}

/** What a person needs once everything runs. */
export function banner(facts: BannerFacts): string {
  const {
    url,
    as,
    runtime,
    database,
    stateStore,
    wechat,
    storage,
    shop,
    traces,
    hasStandIn,
    functions,
    tookMs,
  } = facts
  const sizes = functions.map((it) =>
    'broken' in it ? `${it.name} (does not build)` : `${it.name} ${kb(it.bytes)} KB`,
  )
  const code = hasStandIn ? 'dev-alice' : '<code from wx.login>'
  return [
    `小函 is ready in ${Math.round(tookMs)} ms`,
    '',
    `  API        ${url}/api/v1   (as on ${as.toUpperCase()}, ${runtime})`,
    `  Database   ${database}`,
    `  State      ${stateStore}`,
    `  WeChat     ${wechat}`,
    `  Files      ${storage}`,
    `  Shop       ${shop}`,
    `  Traces     ${traces}`,
    `  Functions  ${sizes.join(', ')}`,
    '',
    `  curl -s ${url}/api/v1/login -H 'content-type: application/json' -d '{"code":"${code}"}'`,
    '',
  ].join('\n')
}
