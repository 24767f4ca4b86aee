import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { findFile } from '#shared/db/tables/files.ts'
import { updateUser, type UserChange, type UserRow } from '#shared/db/tables/users.ts'
import { Fault } from '#shared/errors.ts'
import { type Reply, type Route, route } from '#shared/http/route.ts'
import { presentUser } from '#shared/users/present-user.ts'
import type { CheckText } from './check-text.ts'
import type { RequireUser } from '#shared/backend/current-user.ts'
import { Profile } from './schemas.ts'

export interface ProfileOptions {
  readonly database: Database
  readonly requireUser: RequireUser
  readonly checkText: CheckText
  readonly clock: Clock
}

export function profileRoutes({ database, requireUser, checkText, clock }: ProfileOptions): readonly Route[] {
  return [
    /** GET /user → 200 the user */
    route({
      method: 'GET',
      path: '/user',
      async handle({ request, signal }) {
        const { user } = await requireUser(request, signal)
        return { data: presentUser(user) }
      },
    }),
    /** PUT /user {nickname?, avatarFileId?, gender?, locale?} → 200 the user */
    route({
      method: 'PUT',
      path: '/user',
      body: Profile,
      async handle({ request, body, signal }) {
        const { user } = await requireUser(request, signal)
        if (typeof body.avatarFileId === 'string') await requireAvatar(user, body.avatarFileId, signal)
        if (typeof body.nickname === 'string') await checkText(user, body.nickname, signal)
        return changeProfile(database, user, profileColumns(body), new Date(clock()), signal)
      },
    }),
  ]

  /** One that is still being checked will do: nobody sees it before it is ready. */
  async function requireAvatar(user: UserRow, fileId: string, signal: AbortSignal): Promise<void> {
    const file = await findFile(await database.sql(), fileId, signal)
    const isTheirs = file?.user_id === user.id && file.purpose === 'avatar'
    if (!isTheirs || (file.status !== 'ready' && file.status !== 'pending')) throw noSuchFile()
  }
}

/** Writes the columns to a user who is still there, and answers with the user. */
export async function changeProfile(
  database: Database,
  user: UserRow,
  columns: UserChange,
  now: Date,
  signal: AbortSignal,
): Promise<Reply> {
  const change = { ...columns, updated_at: now }
  const changed = await updateUser(await database.sql(), user.id, change, signal)
  // Deleted in the meantime: the erased row must not get personal data back.
  if (!changed) throw new Fault('token_revoked')
  return { data: presentUser({ ...user, ...change }) }
}

function noSuchFile(): Fault {
  return new Fault('validation_failed', {
    details: [{ path: 'avatarFileId', message: 'no such avatar of yours' }],
  })
}

interface ProfileFields {
  readonly nickname?: string | null | undefined
  readonly avatarFileId?: string | null | undefined
  readonly gender?: UserRow['gender'] | undefined
  readonly locale?: string | null | undefined
}

function profileColumns({ nickname, avatarFileId, gender, locale }: ProfileFields): UserChange {
  return {
    ...(nickname === undefined ? {} : { nickname }),
    ...(avatarFileId === undefined ? {} : { avatar_file_id: avatarFileId }),
    ...(gender === undefined ? {} : { gender }),
    ...(locale === undefined ? {} : { locale }),
  }
}
