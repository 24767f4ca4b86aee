import * as v from 'valibot'
import type { RouteDescriptions } from '#shared/http/describe.ts'
import { publicFileFields } from '#shared/files/public-file-schema.ts'
import { publicOrderFields, publicRefundFields } from '#shared/payments/public-order-schema.ts'
import { publicUserFields } from '#shared/users/public-user-schema.ts'

/** What a call of WeChat can come to. */
const WECHAT = ['rate_limited', 'upstream_failed', 'upstream_timeout'] as const

const time = v.pipe(v.string(), v.isoTimestamp())
const nothing = v.object({})

const user = v.object(publicUserFields)
const managedUser = v.object({ ...publicUserFields, status: v.picklist(['active', 'banned', 'deleted']) })
const managedUsers = v.object({ items: v.array(managedUser), nextCursor: v.nullable(v.string()) })

const sessionFields = {
  id: v.string(),
  device: v.object({
    id: v.nullable(v.string()),
    model: v.nullable(v.string()),
    platform: v.nullable(v.string()),
  }),
  lastIp: v.nullable(v.string()),
  createdAt: time,
  lastUsedAt: time,
  expiresAt: time,
}

export const descriptions: RouteDescriptions = {
  'GET /hello': {
    summary: 'Whether the function is alive',
    auth: 'none',
    answers: { 200: v.object({ message: v.string(), platform: v.string(), time }) },
  },
  'GET /user': { summary: 'The caller', auth: 'session', answers: { 200: user } },
  'PUT /user': {
    summary: "Change the caller's profile; a nickname passes WeChat's content safety first",
    auth: 'session',
    answers: { 200: user },
    errors: ['forbidden', ...WECHAT],
  },
  'DELETE /user': {
    summary: 'Delete the account: sessions end at once, personal data is erased',
    auth: 'session',
    answers: { 200: nothing },
    errors: ['forbidden', 'login_code_invalid', 'risk_denied', ...WECHAT],
  },
  'POST /user/phone': {
    summary: 'Bind a phone number by the code of the getPhoneNumber button',
    auth: 'session',
    answers: { 200: v.object({ phoneMasked: v.string() }) },
    errors: ['forbidden', 'login_code_invalid', 'risk_denied', ...WECHAT],
  },
  'POST /user/wechat-profile': {
    summary: 'Take over the profile that older clients got from WeChat, signed or encrypted',
    auth: 'session',
    answers: { 200: user },
    errors: ['forbidden', ...WECHAT],
  },
  'GET /user/sessions': {
    summary: "The caller's live sessions, newest first",
    auth: 'session',
    answers: {
      200: v.object({
        items: v.array(v.object({ current: v.boolean(), ...sessionFields })),
        nextCursor: v.null(),
      }),
    },
  },
  'DELETE /user/sessions/{sid}': {
    summary: "End one of the caller's sessions",
    auth: 'session',
    answers: { 200: nothing },
    errors: ['not_found'],
  },
  'GET /user/export': {
    summary: 'A copy of all that is kept about the caller',
    auth: 'session',
    answers: {
      200: v.object({
        user: v.object({ ...publicUserFields, updatedAt: time }),
        sessions: v.array(v.object({ ...sessionFields, endedAt: v.nullable(time) })),
        audit: v.array(v.object({ at: time, action: v.string(), ip: v.nullable(v.string()) })),
        decisions: v.array(
          v.object({ at: time, route: v.string(), action: v.string(), facts: v.looseObject({}) }),
        ),
        files: v.array(v.object(publicFileFields)),
        subscriptions: v.array(
          v.object({ templateId: v.string(), status: v.picklist(['accept', 'reject']), at: time }),
        ),
        orders: v.array(v.object({ ...publicOrderFields, refunds: v.array(v.object(publicRefundFields)) })),
      }),
    },
  },
  'GET /users': { summary: 'All users, newest first', auth: 'admin', answers: { 200: managedUsers } },
  'POST /users/search': {
    summary: 'Users with a phone number (E.164)',
    auth: 'admin',
    answers: { 200: managedUsers },
  },
  'POST /users': {
    summary: 'Create a user ahead of their first login',
    auth: 'admin',
    idempotent: true,
    answers: { 201: managedUser },
    errors: ['conflict', 'idempotency_mismatch'],
  },
  'PUT /users/{id}': {
    summary: 'Ban or readmit a user, or set roles; a ban ends every session at once',
    auth: 'admin',
    answers: { 200: managedUser },
    errors: ['not_found', 'conflict'],
  },
}
