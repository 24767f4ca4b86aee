import type { Running } from './cloud.ts'
import type { DesiredFunction } from './desired-state.ts'
import { descriptionOf } from './roll-out.ts'

/** What a deploy would do to a function, a line each. Values of settings are never told. */
export function planLines(desired: DesiredFunction, running: Running | undefined): readonly string[] {
  if (running === undefined) return [`+ ${desired.platformName}: new`, ...stateLines(desired)]
  const { live, versions } = running
  const known = versions.find((it) => it.description === descriptionOf(desired))
  const changes = [
    ...changed('image', running.image, desired.image),
    ...changed('memory', `${running.memoryMb} MB`, `${desired.memoryMb} MB`),
    ...changed('timeout', `${running.timeoutS} s`, `${desired.timeoutS} s`),
    ...(desired.kind === 'event' ? [] : changed('concurrency', running.concurrency, desired.concurrency)),
    ...settingLines(desired, running),
  ]
  const left =
    live?.canary === undefined ? [] : [`  ! a canary of version ${live.canary.version} was left unfinished`]
  if (changes.length === 0 && known !== undefined && known.version === live?.version)
    return [`= ${desired.platformName}: version ${known.version} is live, nothing to do`, ...left]
  const lead =
    known === undefined
      ? `~ ${desired.platformName}: a new version in place of ${live?.version ?? 'none'}`
      : `~ ${desired.platformName}: version ${known.version}, published before, in place of ${live?.version ?? 'none'}`
  return [lead, ...changes, ...left]
}

/** The desired state alone. */
export function stateLines(desired: DesiredFunction): readonly string[] {
  const { image, memoryMb, cpu, timeoutS, concurrency, paths, timer, environment, settings } = desired
  const unset = settings.filter((name) => !(name in environment))
  return [
    `    image        ${image}`,
    `    size         ${memoryMb} MB, ${cpu} vCPU, ${timeoutS} s, ${concurrency} calls at a time`,
    ...(paths.length > 0 ? [`    paths        ${paths.map((path) => `/api/v1${path}`).join(' ')}`] : []),
    ...(timer === undefined ? [] : [`    timer        every ${timer.everyS} s`]),
    `    settings     ${Object.keys(environment).join(' ') || 'none given'}`,
    ...(unset.length > 0 ? [`    not given    ${unset.join(' ')}`] : []),
  ]
}

function settingLines({ environment, settings }: DesiredFunction, running: Running): readonly string[] {
  const entries = Object.entries(environment)
  const added = entries.filter(([name]) => !(name in running.environment)).map(([name]) => name)
  const other = entries.filter(
    ([name, value]) => name in running.environment && running.environment[name] !== value,
  )
  const foreign = Object.keys(running.environment).filter((name) => !settings.includes(name))
  return [
    ...(added.length > 0 ? [`    + settings   ${added.join(' ')}`] : []),
    ...(other.length > 0 ? [`    ~ settings   ${other.map(([name]) => name).join(' ')}`] : []),
    ...(foreign.length > 0 && added.length + other.length > 0
      ? [`    left alone   ${foreign.join(' ')}`]
      : []),
  ]
}

function changed(what: string, from: string | number, to: string | number): readonly string[] {
  return from === to ? [] : [`    ~ ${what.padEnd(10)} ${from} → ${to}`]
}
