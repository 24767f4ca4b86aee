import { describe } from '@jest/globals'
import { appendFileSync } from 'node:fs'
import { findExecutable } from '#scripts/services/executables.ts'

/** What a suite may need besides PostgreSQL, which npm brings along. */
export type Service = 'redis' | 'mariadb' | 'nginx' | 'clamd'

const COMMANDS: Readonly<Record<Service, readonly string[]>> = {
  redis: ['valkey-server', 'redis-server'],
  mariadb: ['mariadbd'],
  nginx: ['nginx'],
  clamd: ['clamd'],
}

/** `describe` for suites that need a service. Where it is missing the suite is left out, and `npm test` names it. */
export function describeWith(services: readonly Service[], name: string, suite: () => void): void {
  const missing = services.filter((service) => findExecutable(...COMMANDS[service]) === undefined)
  if (missing.length === 0) {
    describe(name, suite)
    return
  }
  const file = process.env['TEST_LEFT_OUT_FILE']
  if (file !== undefined) appendFileSync(file, `${name} (needs ${missing.join(' and ')})\n`)
  describe.skip(name, suite)
}
