package ai.sparktron.trainer.train;

import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.data.ShardFiles;
import ai.sparktron.trainer.kernels.EngineFactory;

/**
 * Where one rank of one attempt runs.
 *
 * @param world     all ranks of the attempt; left to the caller to close
 * @param worlds    over what the engine's tensors go
 * @param files     fetches shards that are not on this host's disks
 * @param engines   makes this rank's engine
 * @param device    index of its GPU, or of its share of the host
 * @param attempt   name of the attempt, part of temporary names, so that a rank left over from an older attempt cannot touch this one's files
 * @param resume    whether this attempt continues the run of the same run directory from its newest committed checkpoint, if there is one
 * @param listener  hears of progress
 */
public record RankContext(World world, TensorWorlds worlds, ShardFiles files, EngineFactory engines, int device, String attempt, boolean resume, RunListener listener) {

    /** A rank whose tensors lie in host memory and whose shards on this host's disks. */
    public RankContext(World world, EngineFactory engines, int device, String attempt, boolean resume, RunListener listener) {
        this(world, TensorWorlds.HOST, ShardFiles.LOCAL, engines, device, attempt, resume, listener);
    }

    /** Whether this rank reports and commits. */
    public boolean isFirst() {
        return world.rank() == 0;
    }
}
