package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.kernels.Readback;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerPointer;

/** A few numbers at a time on their way to the host, each in a page-locked slot with an event that tells when they are there. */
final class LateReads implements AutoCloseable {

    /** More are on their way only when someone forgets to wait for them. */
    private static final int SLOTS = 64;
    private static final int SLOT_BYTES = 256;

    private final CudaDevice device;
    private final BytePointer slots;
    private final List<CUevent_st> events = new ArrayList<>();
    private final Deque<Integer> idle = new ArrayDeque<>();

    LateReads(CudaDevice device) {
        this.device = device;
        try (PointerPointer<BytePointer> out = new PointerPointer<>(1)) {
            CudaDevice.check(cudart.cuMemHostAlloc(out, (long) SLOTS * SLOT_BYTES, 0), "cuMemHostAlloc of " + SLOTS * SLOT_BYTES + " bytes for figures");
            this.slots = out.get(BytePointer.class, 0).capacity((long) SLOTS * SLOT_BYTES);
        }
        for (int slot = 0; slot < SLOTS; slot++) {
            CUevent_st event = new CUevent_st();
            CudaDevice.check(cudart.cuEventCreate(event, cudart.CU_EVENT_DISABLE_TIMING), "cuEventCreate");
            events.add(event);
            idle.add(slot);
        }
    }

    /** Enqueues a copy. */
    Readback start(Tensor tensor) {
        device.requireNotRecording("reading " + tensor + " for the host");
        if (tensor.sizeBytes() > SLOT_BYTES || idle.isEmpty()) {
            throw new IllegalStateException(tensor + " is read late with " + idle.size() + " of " + SLOTS + " slots of " + SLOT_BYTES
                    + " bytes free: these are for a few figures of a step, each waited for once");
        }
        int slot = idle.poll();
        BytePointer target = new BytePointer(slots).position((long) slot * SLOT_BYTES);
        CudaDevice.check(cudart.cuMemcpyDtoHAsync(target, tensor.address(), tensor.sizeBytes(), device.stream()), "copy of " + tensor + " from GPU "
                + device.device());
        CudaDevice.check(cudart.cuEventRecord(events.get(slot), device.stream()), "cuEventRecord");
        return new Late(slot, (int) tensor.sizeBytes());
    }

    private final class Late implements Readback {
        private final int slot;
        private final int size;
        private ByteBuffer bytes;

        private Late(int slot, int size) {
            this.slot = slot;
            this.size = size;
        }

        @Override
        public boolean isImmediate() {
            return false;
        }

        @Override
        public ByteBuffer await() {
            if (bytes == null) {
                CudaDevice.check(cudart.cuEventSynchronize(events.get(slot)), "waiting for figures of GPU " + device.device());
                ByteBuffer there = slots.asByteBuffer().position(slot * SLOT_BYTES).limit(slot * SLOT_BYTES + size);
                bytes = ByteBuffer.allocate(size).order(ByteOrder.nativeOrder()).put(there).flip();
                idle.add(slot);
            }
            return bytes;
        }
    }

    @Override
    public void close() {
        cudart.cuStreamSynchronize(device.stream());
        events.forEach(cudart::cuEventDestroy);
        cudart.cuMemFreeHost(slots);
    }
}
