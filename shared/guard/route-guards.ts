import type { BuiltInPolicy } from './built-in-policies.ts'

/** What stands before one route. */
export interface RouteGuard {
  /** All of them are taken together or none; one whose key is unknown, a device's for instance, is left out. */
  readonly limits: readonly BuiltInPolicy[]
  /**
   * `optional`: verified when present. `assured`: WeChat's own user key where the deployment demands it, a session's
   * key elsewhere. `partner`: only a partner's.
   */
  readonly signature?: 'optional' | 'required' | 'assured' | 'partner'
  /** Whether an admin's session may stand in for the signature of a partner. */
  readonly orAdmin?: true
  /** Without a session, so without a key to sign with. */
  readonly isAnonymous?: true
  /** The handler takes the second look, `identified`, once it knows who calls. */
  readonly identifies?: true
  /** No signature of ours is asked for or looked at: the body streams by, or the client has a way of its own to prove itself. */
  readonly isUnsigned?: true
  /** No rule stands before it: it is where a rule that shuts everybody out is taken back. */
  readonly isUnjudged?: true
  /** The handler applies limits and rules itself, to the route that it is asked about. */
  readonly isConsideredByHandler?: true
}

const READ = { limits: ['ip', 'user-read'] } as const
const WRITE = { limits: ['ip', 'user-write'] } as const
const WRITE_SIGNED = { ...WRITE, signature: 'required' } as const
const ADMIN_READ = { limits: ['ip', 'admin'] } as const
const ADMIN_WRITE = { limits: ['ip', 'admin'], signature: 'required' } as const
const UPLOAD = { limits: ['ip', 'upload'] } as const
const STREAMED = { ...UPLOAD, isUnsigned: true } as const
const RULES_READ = { ...ADMIN_READ, isUnjudged: true } as const
const RULES_WRITE = { ...ADMIN_WRITE, isUnjudged: true } as const
/** Rules are about clients; these are WeChat and partners, whose signatures their handlers judge. */
const PUSH = { limits: ['callback'], isAnonymous: true, isUnjudged: true, isUnsigned: true } as const

/** Every route of every function. A route that is missing here answers 500. */
export const ROUTE_GUARDS: Readonly<Record<string, RouteGuard>> = {
  'POST /login': { limits: ['ip', 'login-ip', 'login-device'], isAnonymous: true, identifies: true },
  'POST /login/refresh': { limits: ['ip', 'refresh-ip'], isAnonymous: true },
  'POST /logout': WRITE,
  'GET /keys': { limits: ['ip'], isAnonymous: true },

  'GET /hello': { limits: ['ip'], isAnonymous: true },
  'GET /user': READ,
  'PUT /user': WRITE,
  'DELETE /user': { limits: ['ip', 'delete'], signature: 'assured' },
  'POST /user/phone': { limits: ['ip', 'phone', 'phone-day'], signature: 'assured' },
  'POST /user/wechat-profile': WRITE,
  'GET /user/sessions': READ,
  'DELETE /user/sessions/{sid}': WRITE,
  'GET /user/export': { limits: ['ip', 'user-export'] },
  'GET /users': ADMIN_READ,
  'POST /users/search': ADMIN_READ,
  'POST /users': ADMIN_WRITE,
  'PUT /users/{id}': ADMIN_WRITE,

  'POST /uploads': UPLOAD,
  'GET /uploads/{id}': READ,
  'POST /uploads/{id}/complete': UPLOAD,
  'DELETE /uploads/{id}': WRITE,
  'POST /upload': STREAMED,
  'GET /files': READ,
  'GET /files/{id}': READ,
  'GET /files/{id}/link': READ,
  'PUT /files/{id}': ADMIN_WRITE,
  'DELETE /files/{id}': WRITE,
  'OPTIONS /tus': { limits: ['ip'], isAnonymous: true },
  'POST /tus': STREAMED,
  'HEAD /tus/{id}': { ...READ, isUnsigned: true },
  'PATCH /tus/{id}': STREAMED,
  'DELETE /tus/{id}': { ...WRITE, isUnsigned: true },
  'POST /tus/{id}': STREAMED,

  'POST /rate-check': { limits: ['partner', 'ip', 'admin'], signature: 'partner', orAdmin: true },
  'ANY /rate-check/auth': { limits: ['forward-auth'], isAnonymous: true, isConsideredByHandler: true },
  'GET /rate-check/rules': RULES_READ,
  'PUT /rate-check/rules': RULES_WRITE,
  'GET /rate-check/rules/versions': RULES_READ,
  'GET /rate-check/rules/versions/{version}': RULES_READ,
  'POST /rate-check/rules/replay': RULES_READ,
  'GET /rate-check/policies': RULES_READ,
  'PUT /rate-check/policies': RULES_WRITE,
  'GET /rate-check/denied': RULES_READ,
  'POST /rate-check/denied': RULES_WRITE,
  'DELETE /rate-check/denied/{id}': RULES_WRITE,

  'GET /callback/wechat-message': PUSH,
  'POST /callback/wechat-message': PUSH,
  'POST /callback/wechat-pay': PUSH,
  'POST /callback/{partner}': PUSH,

  'POST /orders': WRITE_SIGNED,
  'GET /orders/{no}': READ,
  'POST /orders/{no}/close': WRITE_SIGNED,
  'POST /orders/{no}/refund': WRITE_SIGNED,
  'GET /outbox/dead': ADMIN_READ,
  'POST /outbox/dead/redrive': ADMIN_WRITE,
  'POST /outbox/dead/{id}/redrive': ADMIN_WRITE,
}
