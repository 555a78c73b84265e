package ai.sparktron.trainer.kernels.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;

/** An address, of the host or the device, that JavaCPP did not allocate and will not free. */
final class HostAddress extends BytePointer {

    HostAddress() {
        super((Pointer) null);
    }

    /** The same object at another address, so that no call makes one. */
    HostAddress at(long value) {
        address = value;
        return this;
    }

    /** Bytes from an address on, in native order. */
    static ByteBuffer bytes(long address, long count) {
        HostAddress from = new HostAddress().at(address);
        from.limit = count;
        from.capacity = count;
        return from.asByteBuffer().order(ByteOrder.nativeOrder());
    }
}
