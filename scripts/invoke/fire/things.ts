import { push } from './push.ts'
import type { Thing } from './thing.ts'

/** What `npm run invoke -- fire <thing>` fires, by name. Add yours here. */
export const THINGS: Readonly<Record<string, Thing>> = {
  push,
}
