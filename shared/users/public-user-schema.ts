import * as v from 'valibot'
import type { PublicUser } from './present-user.ts'

/** `PublicUser` for the API documentation, field by field; no bundle holds it. */
export const publicUserFields = {
  id: v.string(),
  nickname: v.nullable(v.string()),
  avatarUrl: v.nullable(v.string()),
  gender: v.picklist(['unknown', 'male', 'female']),
  locale: v.nullable(v.string()),
  phoneMasked: v.nullable(v.string()),
  roles: v.array(v.string()),
  createdAt: v.pipe(v.string(), v.isoTimestamp()),
} satisfies Record<keyof PublicUser, v.GenericSchema>
