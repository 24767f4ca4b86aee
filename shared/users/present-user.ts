import type { UserRow } from '#shared/db/tables/users.ts'

/** A user as clients see it. openid, phone number and internal columns never leave the server. */
export interface PublicUser {
  readonly id: string
  readonly nickname: string | null
  readonly avatarUrl: string | null
  readonly gender: UserRow['gender']
  readonly locale: string | null
  readonly phoneMasked: string | null
  readonly roles: readonly string[]
  readonly createdAt: string
}

export function presentUser(user: UserRow): PublicUser {
  return {
    id: user.id,
    nickname: user.nickname,
    avatarUrl: user.avatar_file_id === null ? null : `/api/v1/files/${user.avatar_file_id}`,
    gender: user.gender,
    locale: user.locale,
    phoneMasked: user.phone_masked,
    roles: rolesOf(user),
    createdAt: user.created_at.toISOString(),
  }
}

/** What an admin sees besides. */
export function presentUserToAdmin(user: UserRow): PublicUser & { readonly status: UserRow['status'] } {
  return { ...presentUser(user), status: user.status }
}

export function rolesOf(user: UserRow): readonly string[] {
  return user.roles === '' ? [] : user.roles.split(',')
}
