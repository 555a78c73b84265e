package ai.sparktron.trainer.comm.nccl;

import ai.sparktron.trainer.comm.GroupCollectives;
import ai.sparktron.trainer.comm.Transfer;
import org.bytedeco.cuda.cudart.CUevent_st;

/** A group on a stream of its own beside the engine's: each call begins after what the engine has enqueued, and what waits for it is the engine's stream. */
final class NcclBackground extends GroupCollectives {

    private final NcclWorld world;
    private final NcclCommunicator group;
    private final DeviceStream engine;

    /** @param group enqueues on a stream that nobody else uses */
    NcclBackground(NcclWorld world, NcclCommunicator group, DeviceStream engine) {
        super(group);
        this.world = world;
        this.group = group;
        this.engine = engine;
    }

    @Override
    protected Transfer start(Runnable call) {
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
