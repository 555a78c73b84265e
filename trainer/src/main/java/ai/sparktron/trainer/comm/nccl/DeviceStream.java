package ai.sparktron.trainer.comm.nccl;

import static ai.sparktron.trainer.comm.nccl.NcclLibrary.checkCuda;

import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.Pointer;

/** A stream of the device: the engine's, which is only borrowed, or one of our own. */
final class DeviceStream implements AutoCloseable {

    private final CUstream_st stream;
    private final boolean own;

    private DeviceStream(CUstream_st stream, boolean own) {
        this.stream = stream;
        this.own = own;
    }

    /** A stream that someone else made and frees. */
    static DeviceStream borrowed(long handle) {
        return new DeviceStream(new Handle(handle), false);
    }

    /** A new stream that does not wait for the device's default stream. The thread's current device must be the rank's. */
    static DeviceStream create() {
        CUstream_st stream = new CUstream_st();
        checkCuda(cudart.cudaStreamCreateWithFlags(stream, cudart.cudaStreamNonBlocking), "cudaStreamCreate for communication");
        return new DeviceStream(stream, true);
    }

    CUstream_st handle() {
        return stream;
    }

    /** Marks what was enqueued up to now. */
    void record(CUevent_st event) {
        checkCuda(cudart.cudaEventRecord(event, stream), "cudaEventRecord");
    }

    /** Lets what is enqueued from now on begin when the event has come; the host does not wait. */
    void await(CUevent_st event) {
        checkCuda(cudart.cudaStreamWaitEvent(stream, event, 0), "cudaStreamWaitEvent");
    }

    /** Lets what is enqueued here from now on begin after what is enqueued there up to now. */
    void after(DeviceStream other, CUevent_st event) {
        other.record(event);
        await(event);
    }

    static CUevent_st event() {
        CUevent_st event = new CUevent_st();
        checkCuda(cudart.cudaEventCreateWithFlags(event, cudart.cudaEventDisableTiming), "cudaEventCreate");
        return event;
    }

    /** Whether the event has come, or the device failed, which whoever waits for it will hear. */
    static boolean isOver(CUevent_st event) {
        return cudart.cudaEventQuery(event) != cudart.cudaErrorNotReady;
    }

    @Override
    public void close() {
        if (own) {
            cudart.cudaStreamDestroy(stream);
        }
    }

    /** A handle that JavaCPP did not make and will not free. */
    private static final class Handle extends CUstream_st {
        Handle(long address) {
            super((Pointer) null);
            this.address = address;
        }
    }
}
