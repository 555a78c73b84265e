package ai.sparktron.trainer.kernels;

import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Memory;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The store of an engine whose memory is the host's own. Copies are made as late as the contract allows, so that who does not wait for them finds out here as he would
 * on a device.
 */
public final class SharedMemoryStore implements HostStore {

    private final Engine engine;
    private final List<List<Visit>> coming = new ArrayList<>();
    private final List<List<Visit>> going = new ArrayList<>();

    /** @param places that are visited */
    public SharedMemoryStore(Engine engine, int places) {
        this.engine = engine;
        for (int place = 0; place < places; place++) {
            coming.add(List.of());
            going.add(List.of());
        }
    }

    @Override
    public Memory memory() {
        return engine.memory();
    }

    @Override
    public void bring(int place, List<Visit> visits) {
        if (!coming.get(place).isEmpty()) {
            throw new IllegalStateException(visits + " are brought to place " + place + ", where " + coming.get(place) + " have not yet arrived");
        }
        coming.set(place, List.copyOf(visits));
    }

    @Override
    public void arrive(int place) {
        bringBack(place);
        coming.get(place).forEach(visit -> engine.kernels().copy(words(visit.host()), words(visit.device())));
        coming.set(place, List.of());
    }

    @Override
    public void takeOut(int place, List<Visit> visits) {
        bringBack(place);
        going.set(place, List.copyOf(visits));
    }

    private void bringBack(int place) {
        going.get(place).forEach(visit -> engine.kernels().copy(words(visit.device()), words(visit.host())));
        going.set(place, List.of());
    }

    private static Tensor words(Tensor tensor) {
        return Tensor.of(tensor.name(), DType.I32, Shape.of(tensor.sizeBytes() / Integer.BYTES), tensor.storage(), tensor.address() - tensor.storage().address());
    }

    @Override
    public void write(Tensor tensor, ByteBuffer source) {
        settle();
        engine.write(tensor, source);
    }

    @Override
    public void read(Tensor tensor, ByteBuffer target) {
        settle();
        engine.read(tensor, target);
    }

    @Override
    public void settle() {
        for (int place = 0; place < going.size(); place++) {
            bringBack(place);
        }
    }

    @Override
    public void close() {
        settle();
    }
}
