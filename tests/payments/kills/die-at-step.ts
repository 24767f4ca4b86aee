/** At which step to die: each statement and each delivery is two, one before and one after it. */
export const STEP_HEADER = 'x-die-at-step'
