import { accounts } from './0001-accounts.ts'
import { state } from './0002-state.ts'
import { limits } from './0003-limits.ts'
import { nonces } from './0004-nonces.ts'
import { risk } from './0005-risk.ts'
import { files } from './0006-files.ts'
import { messages } from './0007-messages.ts'
import { orders } from './0008-orders.ts'
import { subscriptions } from './0009-subscriptions.ts'
import { inboxProof } from './0010-inbox-proof.ts'
import type { Migration } from './table.ts'

/** Every step of the schema, in order. */
export const migrations: readonly Migration[] = [
  accounts,
  state,
  limits,
  nonces,
  risk,
  files,
  messages,
  orders,
  subscriptions,
  inboxProof,
]
