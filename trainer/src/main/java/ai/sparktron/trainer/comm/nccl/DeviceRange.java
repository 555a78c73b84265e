package ai.sparktron.trainer.comm.nccl;

import org.bytedeco.javacpp.Pointer;

/** An address of the device in the form that native calls take, set anew for each call so that a step allocates nothing. Of one thread. */
final class DeviceRange extends Pointer {

    DeviceRange() {
        super((Pointer) null);
    }

    /** This, pointing there. */
    DeviceRange at(long deviceAddress) {
        this.address = deviceAddress;
        return this;
    }
}
