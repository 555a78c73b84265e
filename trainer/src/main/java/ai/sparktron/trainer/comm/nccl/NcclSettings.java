package ai.sparktron.trainer.comm.nccl;

import java.time.Duration;

/**
 * How ranks of a device world work together.
 *
 * @param startTimeout      how long NCCL may take to join the members of a group
 * @param collectiveTimeout how long a call may stay unfinished after it was enqueued, and how long ranks wait for each other where the host must
 * @param comparedCalls     so many first calls of each group are compared between its members before they are enqueued, so that a difference is an error that
 *                          names both calls instead of a hang; a step repeats itself, so its first rounds are enough. Costs a message between hosts per call
 */
public record NcclSettings(Duration startTimeout, Duration collectiveTimeout, long comparedCalls) {

    /** Calls of some steps of a deep model. */
    public static final long USUAL_COMPARED_CALLS = 500;

    public NcclSettings {
        if (collectiveTimeout.isNegative() || collectiveTimeout.isZero()) {
            throw new IllegalArgumentException("the collective timeout is " + collectiveTimeout + ", expected more than nothing");
        }
    }
}
