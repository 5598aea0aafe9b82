/**
 * fast-check, as jest.config.mjs gives it to every test: it draws the same values in each run, so that a build fails by
 * what was changed in it and not by its luck. `AZDS_SEED` has it draw others: a number, as a failed run has printed it,
 * or `random`. A run that is told to be a long one looks for what nobody has found yet, and is random by itself.
 */
import fc from '../node_modules/fast-check/lib/fast-check.js'

/** Any number would do. */
const USUAL_SEED = 20_261_122

const { AZDS_SEED, AZDS_FUZZ_RUNS, AZDS_DIFFERENTIAL_RUNS } = process.env
const isLong = AZDS_FUZZ_RUNS !== undefined || AZDS_DIFFERENTIAL_RUNS !== undefined
const seed = AZDS_SEED ?? (isLong ? 'random' : `${USUAL_SEED}`)
if (seed !== 'random') fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) })

// biome-ignore lint/style/noDefaultExport: tests import it as they import the package
export default fc
