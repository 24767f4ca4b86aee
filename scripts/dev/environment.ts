import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'

/** What belongs to this program's own run, or would tell a function that it runs somewhere else. */
const NOT_PASSED_ON =
  /^(FC_|SCF_|_SCF|TENCENTCLOUD_|QCLOUD_|ALIBABA_CLOUD_|npm_|NODE_|BUN_|JEST_|INIT_CWD$|PORT$|HOST$|_$)/

/** The settings of the project: the process's own environment, then what the file adds. */
export function readEnvironment(env: NodeJS.ProcessEnv, file: string): Readonly<Record<string, string>> {
  const given = existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {}
  const all = Object.entries({ ...given, ...env })
  return Object.fromEntries(all.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}

/** The part of an environment that functions may see. */
export function passedToFunctions(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !NOT_PASSED_ON.test(name)))
}
