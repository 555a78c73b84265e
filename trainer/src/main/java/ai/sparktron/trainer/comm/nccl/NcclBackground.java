package ai.sparktron.trainer.comm.nccl;

import ai.sparktron.trainer.comm.BackgroundCollectives;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.comm.Transfer;
import ai.sparktron.trainer.tensor.Tensor;
import org.bytedeco.cuda.cudart.CUevent_st;

/** A group on a stream of its own beside the engine's: each call begins after what the engine has enqueued, and what waits for it is the engine's stream. */
final class NcclBackground implements BackgroundCollectives {

    private final NcclWorld world;
    private final NcclCommunicator group;
    private final DeviceStream engine;

    /** @param group enqueues on a stream that nobody else uses */
    NcclBackground(NcclWorld world, NcclCommunicator group, DeviceStream engine) {
        this.world = world;
        this.group = group;
        this.engine = engine;
    }

    @Override
    public Transfer allReduce(Tensor tensor, Reduction reduction) {
        return start(() -> group.allReduce(tensor, reduction));
    }

    @Override
    public Transfer reduceScatter(Tensor input, Tensor output, Reduction reduction) {
        return start(() -> group.reduceScatter(input, output, reduction));
    }

    @Override
    public Transfer allGather(Tensor input, Tensor output) {
        return start(() -> group.allGather(input, output));
    }

    @Override
    public Transfer allToAll(Tensor input, long[] sendCounts, Tensor output, long[] receiveCounts) {
        return start(() -> group.allToAll(input, sendCounts, output, receiveCounts));
    }

    private Transfer start(Runnable call) {
        CUevent_st ready = world.watch().event();
        group.stream().after(engine, ready);
        world.watch().release(ready);
        call.run();
        CUevent_st end = world.watch().event();
        group.stream().record(end);
        return new Started(end);
    }

    @Override
    public void close() {
        // Stream and communicator belong to the world.
    }

    private final class Started implements Transfer {
        private final CUevent_st end;
        private boolean awaited;

        Started(CUevent_st end) {
            this.end = end;
        }

        @Override
        public void await() {
            if (!awaited) {
                engine.await(end);
                awaited = true;
                world.watch().release(end);
            }
        }

        @Override
        public boolean isDone() {
            return awaited || DeviceStream.isOver(end);
        }
    }
}
