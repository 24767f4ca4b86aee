import type { GenericSchema } from 'valibot'
import type { ErrorName } from '#shared/errors.ts'

/** What the API documentation says about a route beyond its own schemas. Not part of any bundle. */
export interface RouteDescription {
  /** One line, from the caller's side. */
  readonly summary: string
  /** `partner`: a service that signs with a key of its own, or an admin. */
  readonly auth: 'none' | 'session' | 'admin' | 'partner'
  /** Whether `Idempotency-Key` is taken. */
  readonly idempotent?: boolean
  /** Shape of `data` by status. */
  readonly answers: Readonly<Record<number, GenericSchema>>
  /** Errors besides those that any route can answer. */
  readonly errors?: readonly ErrorName[]
}

/** Descriptions by `METHOD /path`. */
export type RouteDescriptions = Readonly<Record<string, RouteDescription>>
