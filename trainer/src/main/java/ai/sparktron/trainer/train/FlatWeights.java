package ai.sparktron.trainer.train;

import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.EngineNumbers;
import ai.sparktron.trainer.kernels.StoredNumbers;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.optimizer.OwnRange;
import ai.sparktron.trainer.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The weights of a flat value buffer: main weights and values where this rank keeps main weights, elsewhere the values alone, rounded as the ranks that keep theirs
 * round them.
 */
public final class FlatWeights implements StoredNumbers {

    private final Engine engine;
    private final long size;
    private final List<OwnRange> own;
    private final List<Segment> segments = new ArrayList<>();

    private record Segment(long from, long to, StoredNumbers numbers) {
    }

    /** @param own ranges that this rank updates, apart from each other */
    FlatWeights(Engine engine, Tensor value, List<OwnRange> own) {
        this.engine = engine;
        this.size = value.elements();
        this.own = own.stream().sorted(Comparator.comparingLong(OwnRange::base)).toList();
        long at = 0;
        for (OwnRange range : this.own) {
            add(value, at, range.base());
            at = range.base() + range.value().elements();
            segments.add(new Segment(range.base(), at, range.weights(engine)));
        }
        add(value, at, size);
    }

    private void add(Tensor value, long from, long to) {
        if (from < to) {
            segments.add(new Segment(from, to, EngineNumbers.weights(engine, value.rows(from, to - from), engine, null)));
        }
    }

    /** The values of a parameter were made on the engine, in their own type: its main weights become what they are. */
    void adopt(Parameter parameter) {
        if (!parameter.isTrained()) {
            return;
        }
        // Up to where the next parameter begins, since states may be kept in blocks as large as the gaps' alignment.
        long end = (parameter.offset() + parameter.value().elements() + Parameters.ALIGNMENT - 1) / Parameters.ALIGNMENT * Parameters.ALIGNMENT;
        for (OwnRange range : own) {
            long low = Math.max(parameter.offset(), range.base());
            long high = Math.min(end, range.base() + range.value().elements());
            if (low < high) {
                range.part(low - range.base(), high - low).adoptValues(engine);
            }
        }
    }

    @Override
    public long size() {
        return size;
    }

    /** Reading or writing a part. */
    private interface Access {
        void at(StoredNumbers numbers, long from, ByteBuffer bytes);
    }

    private void each(long from, ByteBuffer bytes, Access access) {
        long to = from + bytes.remaining() / Float.BYTES;
        int start = bytes.position();
        for (Segment segment : segments) {
            long low = Math.max(from, segment.from());
            long high = Math.min(to, segment.to());
            if (low < high) {
                ByteBuffer part = bytes.duplicate().order(ByteOrder.nativeOrder());
                part.limit(start + (int) (high - from) * Float.BYTES).position(start + (int) (low - from) * Float.BYTES);
                access.at(segment.numbers(), low - segment.from(), part);
            }
        }
        bytes.position(bytes.limit());
    }

    @Override
    public void read(long from, ByteBuffer target) {
        each(from, target, StoredNumbers::read);
    }

    @Override
    public void write(long from, ByteBuffer source) {
        each(from, source, StoredNumbers::write);
    }
}
