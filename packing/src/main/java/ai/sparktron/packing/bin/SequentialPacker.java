package ai.sparktron.packing.bin;

/** Next fit: samples stay in order, and a row is closed when the next sample does not fit. */
public final class SequentialPacker implements Packer {

    @Override
    public RowPlan pack(int[] lengths, int capacity) {
        RowPlan.check(lengths, capacity);
        int[] rowOfSample = new int[lengths.length];
        int row = -1;
        int free = 0;
        for (int sample = 0; sample < lengths.length; sample++) {
            if (lengths[sample] > free) {
                row++;
                free = capacity;
            }
            free -= lengths[sample];
            rowOfSample[sample] = row;
        }
        return RowPlan.ofAssignment(rowOfSample, row + 1, lengths, capacity);
    }
}
