package ai.sparktron.packing.bin;

/** Row k is sample k. */
public final class UnpackedPacker implements Packer {

    @Override
    public RowPlan pack(int[] lengths, int capacity) {
        RowPlan.check(lengths, capacity);
        int[] rowOfSample = new int[lengths.length];
        for (int sample = 0; sample < lengths.length; sample++) {
            rowOfSample[sample] = sample;
        }
        return RowPlan.ofAssignment(rowOfSample, lengths.length, lengths, capacity);
    }
}
