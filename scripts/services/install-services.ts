import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { findExecutable } from './executables.ts'

/** A server that the tests use and npm cannot bring along. */
interface External {
  readonly name: string
  readonly commands: readonly string[]
  readonly debian: string
  readonly homebrew: string
}

const EXTERNALS: readonly External[] = [
  { name: 'Redis', commands: ['valkey-server', 'redis-server'], debian: 'redis-server', homebrew: 'redis' },
  { name: 'nginx', commands: ['nginx'], debian: 'nginx-light', homebrew: 'nginx' },
  { name: 'MariaDB', commands: ['mariadbd'], debian: 'mariadb-server-core', homebrew: 'mariadb' },
  { name: 'ClamAV', commands: ['clamd'], debian: 'clamav-daemon', homebrew: 'clamav' },
]

/** Debian asks this file whether a package may start its service; 101 means no. */
const POLICY = '/usr/sbin/policy-rc.d'

/**
 * Sees to Redis, nginx, MariaDB and ClamAV: installs what is missing with apt-get where this is root on Debian or Ubuntu, else
 * prints the one command that does. Answers with the names of what is still missing.
 */
export function installServices(log: (line: string) => void): readonly string[] {
  const missing = missingServices()
  if (missing.length === 0) return []
  const names = missing.map(({ name }) => name).join(', ')
  const packages = missing.map(({ debian }) => debian)
  const apt = findExecutable('apt-get')
  if (process.getuid?.() !== 0 || apt === undefined) {
    log(`${names} not found; the suites that need them are left out. To install: ${command(missing)}`)
    return missing.map(({ name }) => name)
  }
  log(`Installing ${names} for the tests (once; apt-get install ${packages.join(' ')}) …`)
  aptInstall(apt, packages)
  const left = missingServices().map(({ name }) => name)
  if (left.length > 0) log(`Cannot install ${left.join(' and ')}. To see why, run: ${command(missing)}`)
  return left
}

function missingServices(): readonly External[] {
  return EXTERNALS.filter(({ commands }) => findExecutable(...commands) === undefined)
}

function command(missing: readonly External[]): string {
  return process.platform === 'darwin'
    ? `brew install ${missing.map(({ homebrew }) => homebrew).join(' ')}`
    : `sudo apt-get install -y ${missing.map(({ debian }) => debian).join(' ')}`
}

function aptInstall(apt: string, packages: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const hadPolicy = existsSync(POLICY)
  if (!hadPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    spawnSync(apt, ['update', '-qq'], { env, stdio: ['ignore', 'ignore', 'inherit'] })
    const args = ['install', '-y', '-qq', '--no-install-recommends', ...packages]
    spawnSync(apt, args, { env, stdio: ['ignore', 'ignore', 'inherit'] })
  } finally {
    if (!hadPolicy) rmSync(POLICY)
  }
}
