import type { Clock } from '#shared/clock.ts'
import type { Read } from '#shared/config/read-env.ts'
import { createOutbound, type Outbound, type OutboundOptions } from '#shared/outbound/outbound.ts'

/** What functions that call others over HTTP read besides. */
export function outboundSettings(read: Read) {
  return {
    outboundHosts: read.list('OUTBOUND_HOSTS'),
    outboundPrivateHosts: read.list('OUTBOUND_PRIVATE_HOSTS'),
  }
}

export type OutboundSettings = ReturnType<typeof outboundSettings>

/** The way out by these settings. Nothing connects before it is used. */
export function openOutbound(
  { outboundHosts: hosts, outboundPrivateHosts: privateHosts }: OutboundSettings,
  { clock, logger, tracer }: Pick<OutboundOptions, 'logger' | 'tracer'> & { readonly clock: Clock },
): Outbound {
  return createOutbound({ hosts, privateHosts, clock, logger, tracer })
}
