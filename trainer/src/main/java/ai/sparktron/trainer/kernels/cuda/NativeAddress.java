package ai.sparktron.trainer.kernels.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;

/** An address, of the host or the device, that JavaCPP did not allocate and will not free; it can be set again, where JavaCPP's own are made for one. */
final class NativeAddress extends BytePointer {

    NativeAddress() {
        super((Pointer) null);
    }

    /** The same object at another address, so that no call makes one. */
    NativeAddress at(long value) {
        address = value;
        return this;
    }

    /** Bytes from an address on, in native order. */
    static ByteBuffer bytes(long address, long count) {
        NativeAddress from = new NativeAddress().at(address);
        from.limit = count;
        from.capacity = count;
        return from.asByteBuffer().order(ByteOrder.nativeOrder());
    }
}
