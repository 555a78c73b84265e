package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.Replay;
import org.bytedeco.cuda.cudart.CUgraphExec_st;
import org.bytedeco.cuda.cudart.CUgraph_st;
import org.bytedeco.cuda.global.cudart;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Launches recorded as a CUDA graph. The work is run once as it is, then recorded, then replayed. The recording holds addresses, so it is made anew, from that first run on, when
 * any block of the engine's memory was freed since.
 */
final class CudaGraph implements Replay {

    private static final Logger LOG = LoggerFactory.getLogger(CudaGraph.class);

    private final CudaDevice device;
    private final DeviceMemory memory;
    private final String name;
    private final Runnable work;
    private CUgraphExec_st recorded;
    private long freedBefore;
    private boolean prepared;
    private boolean refused;
    private boolean replayed;

    CudaGraph(CudaDevice device, DeviceMemory memory, String name, Runnable work) {
        this.device = device;
        this.memory = memory;
        this.name = name;
        this.work = work;
    }

    @Override
    public void run() {
        replayed = false;
        if (recorded != null && memory.freed() != freedBefore) {
            forget();
        }
        if (refused || !prepared || recorded == null && !record()) {
            work.run();
            prepared = true;
            return;
        }
        CudaDevice.check(cudart.cuGraphLaunch(recorded, device.stream()), "cuGraphLaunch of " + name);
        replayed = true;
    }

    @Override
    public boolean isRecorded() {
        return replayed;
    }

    /** Runs the work without its effects. @return whether it was recorded; if not, it never will be, for a reason that the log has */
    private boolean record() {
        CUgraph_st graph = new CUgraph_st();
        try {
            freedBefore = memory.freed();
            capture(graph);
            CUgraphExec_st made = new CUgraphExec_st();
            CudaDevice.check(cudart.cuGraphInstantiate(made, graph, 0), "cuGraphInstantiate of " + name);
            recorded = made;
            return true;
        } catch (CudaFatalException broken) {
            throw broken;
        } catch (NotRecordableException | CudaException reason) {
            refused = true;
            LOG.info("{}: kernels are enqueued one by one, not as a graph: {}", name, reason.getMessage());
            return false;
        } finally {
            if (!graph.isNull()) {
                cudart.cuGraphDestroy(graph);
            }
        }
    }

    /** Ends the recording whatever happens, so that the stream can be used. */
    private void capture(CUgraph_st graph) {
        device.beginRecording();
        try {
            work.run();
        } catch (RuntimeException | Error failure) {
            device.endRecording(graph);
            throw failure;
        }
        CudaDevice.check(device.endRecording(graph), "cuStreamEndCapture of " + name);
    }

    private void forget() {
        cudart.cuGraphExecDestroy(recorded);
        recorded = null;
        prepared = false;
    }

    /** Also after a failure on the device, which is not reported again here. The engine closes what its user did not. */
    @Override
    public void close() {
        if (recorded != null) {
            cudart.cuStreamSynchronize(device.stream());
            forget();
        }
    }
}
