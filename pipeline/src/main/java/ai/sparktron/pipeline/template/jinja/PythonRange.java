package ai.sparktron.pipeline.template.jinja;

import java.util.AbstractList;

/** {@code range(start, stop, step)}. */
final class PythonRange extends AbstractList<Object> {

    /** The largest range a template may make; Jinja's sandbox has the same bound. */
    static final int MAX = 100_000;

    private final long start;
    private final long stop;
    private final long step;
    private final int size;

    PythonRange(long start, long stop, long step) {
        if (step == 0) {
            throw JinjaException.value("range() arg 3 must not be zero");
        }
        this.start = start;
        this.stop = stop;
        this.step = step;
        long count = step > 0 ? start < stop ? (stop - start - 1) / step + 1 : 0 : start > stop ? (start - stop - 1) / -step + 1 : 0;
        if (count > MAX || count < 0) {
            throw new JinjaException(JinjaException.Kind.LIMIT, "range of " + count + " numbers: the largest allowed is " + MAX);
        }
        this.size = (int) count;
    }

    @Override
    public Object get(int index) {
        return start + java.util.Objects.checkIndex(index, size) * step;
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public String toString() {
        return "range(" + start + ", " + stop + (step == 1 ? "" : ", " + step) + ")";
    }
}
