import type { Tracer } from '#shared/telemetry/tracer.ts'
import type { StateStore } from './store.ts'

/** The store, with a span for every operation. Keys are not told: they hold ids and addresses. */
export function tracedState(store: StateStore, tracer: Tracer, system: 'redis' | 'postgresql'): StateStore {
  function span<T>(operation: string, keys: number, work: () => Promise<T>): Promise<T> {
    const attributes = {
      'db.system.name': system,
      'db.operation.name': operation,
      'db.operation.batch.size': keys,
    }
    return tracer.span(`state ${operation}`, attributes, work)
  }

  return {
    get: (key, signal) => span('get', 1, () => store.get(key, signal)),
    getMany: (keys, signal) => span('getMany', keys.length, () => store.getMany(keys, signal)),
    set: (key, value, options, signal) => span('set', 1, () => store.set(key, value, options, signal)),
    delete: (key, options, signal) => span('delete', 1, () => store.delete(key, options, signal)),
    consume: (request, signal) =>
      span('consume', request.limits.length, () => store.consume(request, signal)),
    close: () => store.close(),
  }
}
