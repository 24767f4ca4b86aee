/** Now, in milliseconds since the epoch. Injected so that tests can turn it. */
export type Clock = () => number

export const systemClock: Clock = () => Date.now()
