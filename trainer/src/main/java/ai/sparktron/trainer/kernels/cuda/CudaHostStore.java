package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.HostStore;
import ai.sparktron.trainer.tensor.Memory;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;

/**
 * Page-locked tensors of the host that visit a GPU: one stream copies in and one out, so that both directions of the bus and the kernels work at the same time. The
 * order of all three is kept by events on the device; the host waits only to read or write what lies with it.
 */
final class CudaHostStore implements HostStore {

    private final CudaDevice device;
    private final PinnedMemory memory = new PinnedMemory();
    private final CUstream_st inward = new CUstream_st();
    private final CUstream_st outward = new CUstream_st();
    private final List<Place> places = new ArrayList<>();
    private final NativeAddress address = new NativeAddress();
    private boolean closed;

    /** A place and what tells how far its visit is. */
    private static final class Place {
        private final CUevent_st there = event();
        private final CUevent_st computed = event();
        private final CUevent_st gone = event();
        private boolean occupied;

        private static CUevent_st event() {
            CUevent_st event = new CUevent_st();
            CudaDevice.check(cudart.cuEventCreate(event, cudart.CU_EVENT_DISABLE_TIMING), "cuEventCreate");
            return event;
        }
    }

    /** @param count of places */
    CudaHostStore(CudaDevice device, int count) {
        this.device = device;
        CudaDevice.check(cudart.cuStreamCreate(inward, cudart.CU_STREAM_NON_BLOCKING), "cuStreamCreate");
        CudaDevice.check(cudart.cuStreamCreate(outward, cudart.CU_STREAM_NON_BLOCKING), "cuStreamCreate");
        for (int place = 0; place < count; place++) {
            places.add(new Place());
        }
    }

    @Override
    public Memory memory() {
        return memory;
    }

    @Override
    public void bring(int place, List<Visit> visits) {
        Place at = places.get(place);
        if (at.occupied) {
            throw new IllegalStateException(visits + " are brought to place " + place + ", where others are not yet taken out");
        }
        at.occupied = true;
        // An event that was never recorded is waited for by nobody.
        CudaDevice.check(cudart.cuStreamWaitEvent(inward, at.gone, 0), "cuStreamWaitEvent");
        for (Visit visit : visits) {
            CudaDevice.check(cudart.cuMemcpyHtoDAsync(visit.device().address(), address.at(visit.host().address()), visit.host().sizeBytes(), inward),
                    "copy of " + visit.host() + " to GPU " + device.device());
        }
        CudaDevice.check(cudart.cuEventRecord(at.there, inward), "cuEventRecord");
    }

    @Override
    public void arrive(int place) {
        CudaDevice.check(cudart.cuStreamWaitEvent(device.stream(), places.get(place).there, 0), "cuStreamWaitEvent");
    }

    @Override
    public void takeOut(int place, List<Visit> visits) {
        Place at = places.get(place);
        at.occupied = false;
        CudaDevice.check(cudart.cuEventRecord(at.computed, device.stream()), "cuEventRecord");
        CudaDevice.check(cudart.cuStreamWaitEvent(outward, at.computed, 0), "cuStreamWaitEvent");
        for (Visit visit : visits) {
            CudaDevice.check(cudart.cuMemcpyDtoHAsync(address.at(visit.host().address()), visit.device().address(), visit.host().sizeBytes(), outward),
                    "copy of " + visit.host() + " from GPU " + device.device());
        }
        CudaDevice.check(cudart.cuEventRecord(at.gone, outward), "cuEventRecord");
    }

    @Override
    public void write(Tensor tensor, ByteBuffer source) {
        settle();
        requireSize(tensor, source);
        ((ByteBuffer) tensor.view()).duplicate().put(source.duplicate());
    }

    @Override
    public void read(Tensor tensor, ByteBuffer target) {
        settle();
        requireSize(tensor, target);
        target.duplicate().put(((ByteBuffer) tensor.view()).duplicate());
    }

    private static void requireSize(Tensor tensor, ByteBuffer bytes) {
        if (!tensor.isContiguous() || bytes.remaining() != tensor.sizeBytes()) {
            throw new IllegalArgumentException(tensor + " of " + tensor.sizeBytes() + " bytes" + (tensor.isContiguous() ? "" : ", which are not contiguous,")
                    + " and a buffer of " + bytes.remaining() + ": expected the same number");
        }
    }

    @Override
    public void settle() {
        CudaDevice.check(cudart.cuStreamSynchronize(inward), "waiting for copies to GPU " + device.device());
        CudaDevice.check(cudart.cuStreamSynchronize(outward), "waiting for copies from GPU " + device.device());
    }

    /** Frees the memory too; also after a failure on the device, which is not reported again here. The engine closes what its user did not. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        cudart.cuStreamSynchronize(inward);
        cudart.cuStreamSynchronize(outward);
        for (Place place : places) {
            cudart.cuEventDestroy(place.there);
            cudart.cuEventDestroy(place.computed);
            cudart.cuEventDestroy(place.gone);
        }
        cudart.cuStreamDestroy(inward);
        cudart.cuStreamDestroy(outward);
        memory.close();
    }
}
