package ai.sparktron.trainer.kernels.cuda;

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

/**
 * Page-locked memory of the host on the way to and from the device: a ring whose parts are free again when the device has copied them. Writing waits only when
 * the device is a whole ring behind.
 */
final class Staging implements AutoCloseable {

    private static final long RING_BYTES = 64L << 20;
    private static final long ALIGNMENT_BYTES = 256;
    /** Larger transfers go in parts, so that filling a part goes on beside the copy of the one before. */
    private static final long PART_BYTES = RING_BYTES / 4;

    private final CudaDevice device;
    private final BytePointer ring;
    private final ByteBuffer bytes;
    private final Deque<Part> inFlight = new ArrayDeque<>();
    private final List<CUevent_st> idleEvents = new ArrayList<>();
    private final NativeAddress address = new NativeAddress();
    private long head;

    /** Bytes [from, to) of the ring until the event has passed. */
    private record Part(long from, long to, CUevent_st copied) {
    }

    Staging(CudaDevice device) {
        this.device = device;
        try (PointerPointer<BytePointer> out = new PointerPointer<>(1)) {
            CudaDevice.check(cudart.cuMemHostAlloc(out, RING_BYTES, 0), "cuMemHostAlloc of " + RING_BYTES + " bytes for transfers");
            this.ring = out.get(BytePointer.class, 0).capacity(RING_BYTES);
        }
        this.bytes = ring.asByteBuffer().order(ByteOrder.nativeOrder());
    }

    /** Enqueues a copy to the device; the source may be reused when this returns. */
    void write(long target, ByteBuffer source) {
        device.requireNotRecording("writing " + source.remaining() + " bytes of the host");
        ByteBuffer rest = source.duplicate();
        while (rest.hasRemaining()) {
            int size = (int) Math.min(PART_BYTES, rest.remaining());
            long from = reserve(size);
            ByteBuffer part = rest.slice(rest.position(), size);
            bytes.slice((int) from, size).put(part);
            rest.position(rest.position() + size);
            CudaDevice.check(cudart.cuMemcpyHtoDAsync(target, address.at(ring.address() + from), size, device.stream()), "copy of " + size + " bytes to GPU "
                    + device.device());
            keep(from, from + size);
            target += size;
        }
    }

    /** Copies from the device, after all that was enqueued before, and waits. */
    void read(long source, ByteBuffer target) {
        device.requireNotRecording("reading " + target.remaining() + " bytes for the host");
        ByteBuffer rest = target.duplicate();
        while (rest.hasRemaining()) {
            int size = (int) Math.min(PART_BYTES, rest.remaining());
            long from = reserve(size);
            CudaDevice.check(cudart.cuMemcpyDtoHAsync(address.at(ring.address() + from), source, size, device.stream()), "copy of " + size + " bytes from GPU "
                    + device.device());
            device.synchronize();
            rest.put(bytes.slice((int) from, size));
            source += size;
        }
    }

    /** A place of the ring that the device is through with; waits where it is not. */
    private long reserve(long size) {
        long from = (head + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
        if (from + size > RING_BYTES) {
            from = 0;
        }
        while (!inFlight.isEmpty() && (overlaps(inFlight.peek(), from, from + size) || isDone(inFlight.peek()))) {
            Part oldest = inFlight.poll();
            CudaDevice.check(cudart.cuEventSynchronize(oldest.copied()), "waiting for a copy to GPU " + device.device());
            idleEvents.add(oldest.copied());
        }
        head = from + size;
        return from;
    }

    private static boolean overlaps(Part part, long from, long to) {
        return part.from() < to && from < part.to();
    }

    private static boolean isDone(Part part) {
        return cudart.cuEventQuery(part.copied()) == cudart.CUDA_SUCCESS;
    }

    private void keep(long from, long to) {
        CUevent_st event = idleEvents.isEmpty() ? newEvent() : idleEvents.remove(idleEvents.size() - 1);
        CudaDevice.check(cudart.cuEventRecord(event, device.stream()), "cuEventRecord");
        inFlight.add(new Part(from, to, event));
    }

    private static CUevent_st newEvent() {
        CUevent_st event = new CUevent_st();
        CudaDevice.check(cudart.cuEventCreate(event, cudart.CU_EVENT_DISABLE_TIMING), "cuEventCreate");
        return event;
    }

    @Override
    public void close() {
        cudart.cuStreamSynchronize(device.stream());
        inFlight.forEach(part -> cudart.cuEventDestroy(part.copied()));
        idleEvents.forEach(cudart::cuEventDestroy);
        cudart.cuMemFreeHost(ring);
    }
}
