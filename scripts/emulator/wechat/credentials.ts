import { Refusal } from './refusal.ts'
import type { World } from './world.ts'

/** @throws Refusal 41002, 40013, 41004, 40125 */
export function checkCredentials(world: World, appId: unknown, secret: unknown): void {
  if (appId === null || appId === undefined || appId === '') throw new Refusal(41002)
  if (appId !== world.appId) throw new Refusal(40013)
  if (secret === null || secret === undefined || secret === '') throw new Refusal(41004)
  if (secret !== world.secret) throw new Refusal(40125)
}
