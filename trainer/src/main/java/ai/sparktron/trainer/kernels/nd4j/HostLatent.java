package ai.sparktron.trainer.kernels.nd4j;

import ai.sparktron.trainer.kernels.AttentionShape;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.Arrays;

/** Keys and values of latent attention, a row at a time. */
final class HostLatent {

    private float[] wide = new float[0];
    private float[] key = new float[0];
    private float[] value = new float[0];
    private float[] shared = new float[0];

    private void reserve(Tensor up, Tensor rotary, Tensor k, Tensor v) {
        if (wide.length < up.columns() || key.length < k.columns() || value.length < v.columns() || shared.length < rotary.columns()) {
            wide = new float[(int) up.columns()];
            key = new float[(int) k.columns()];
            value = new float[(int) v.columns()];
            shared = new float[(int) rotary.columns()];
        }
    }

    void heads(Tensor up, Tensor rotary, AttentionShape shape, Tensor k, Tensor v) {
        reserve(up, rotary, k, v);
        HostRows ups = HostRows.of(up);
        HostRows rotaries = HostRows.of(rotary);
        HostRows keys = HostRows.of(k);
        HostRows values = HostRows.of(v);
        int turned = rotaries.columns();
        int plain = shape.keySize() - turned;
        int valueSize = shape.valueSize();
        for (int t = 0; t < ups.rows(); t++) {
            ups.load(t, 0, ups.columns(), wide);
            rotaries.load(t, 0, turned, shared);
            for (int h = 0; h < shape.heads(); h++) {
                System.arraycopy(wide, h * (plain + valueSize), key, h * shape.keySize(), plain);
                System.arraycopy(shared, 0, key, h * shape.keySize() + plain, turned);
                System.arraycopy(wide, h * (plain + valueSize) + plain, value, h * valueSize, valueSize);
            }
            keys.store(t, 0, keys.columns(), key);
            values.store(t, 0, values.columns(), value);
        }
    }

    void headsGrad(Tensor dk, Tensor dv, AttentionShape shape, Tensor dUp, Tensor dRotary) {
        reserve(dUp, dRotary, dk, dv);
        HostRows ups = HostRows.of(dUp);
        HostRows rotaries = HostRows.of(dRotary);
        HostRows keys = HostRows.of(dk);
        HostRows values = HostRows.of(dv);
        int turned = rotaries.columns();
        int plain = shape.keySize() - turned;
        int valueSize = shape.valueSize();
        for (int t = 0; t < ups.rows(); t++) {
            keys.load(t, 0, keys.columns(), key);
            values.load(t, 0, values.columns(), value);
            Arrays.fill(shared, 0);
            for (int h = 0; h < shape.heads(); h++) {
                System.arraycopy(key, h * shape.keySize(), wide, h * (plain + valueSize), plain);
                System.arraycopy(value, h * valueSize, wide, h * (plain + valueSize) + plain, valueSize);
                for (int i = 0; i < turned; i++) {
                    shared[i] += key[h * shape.keySize() + plain + i];
                }
            }
            ups.store(t, 0, ups.columns(), wide);
            rotaries.store(t, 0, turned, shared);
        }
    }
}
