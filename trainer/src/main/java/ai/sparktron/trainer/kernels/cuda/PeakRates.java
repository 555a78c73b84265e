package ai.sparktron.trainer.kernels.cuda;

import ai.sparktron.trainer.tensor.DType;
import java.util.List;
import java.util.Locale;

/** Peak rates of dense products by the vendor's datasheets, in FLOP/s, for figures of utilisation. */
final class PeakRates {

    /** A family of GPUs, by what their names contain. */
    private record Rate(String name, double half, double single) {
    }

    /** The first that fits: longer names before those that they contain. */
    private static final List<Rate> RATES = List.of(
            new Rate("GB200", 2.5e15, 80e12),
            new Rate("B200", 2.25e15, 80e12),
            new Rate("B100", 1.8e15, 60e12),
            new Rate("GH200", 989.5e12, 67e12),
            new Rate("H200", 989.5e12, 67e12),
            new Rate("H100 PCIe", 756e12, 51e12),
            new Rate("H100 NVL", 835e12, 60e12),
            new Rate("H100", 989.5e12, 67e12),
            new Rate("H20", 148e12, 44e12),
            new Rate("H800", 989.5e12, 67e12),
            new Rate("A100", 312e12, 19.5e12),
            new Rate("A800", 312e12, 19.5e12),
            new Rate("L40S", 362e12, 91.6e12),
            new Rate("L40", 181e12, 90.5e12),
            new Rate("L4", 121e12, 30.3e12),
            new Rate("A10", 125e12, 31.2e12),
            new Rate("RTX 4090", 165.2e12, 82.6e12),
            new Rate("RTX 3090", 71e12, 35.6e12));

    private PeakRates() {
    }

    /** @return NaN where the device is not known */
    static double of(String device, DType dtype) {
        String name = device.toUpperCase(Locale.ROOT);
        for (Rate rate : RATES) {
            if (name.contains(rate.name().toUpperCase(Locale.ROOT))) {
                return switch (dtype) {
                    case BF16, F16 -> rate.half();
                    case F32 -> rate.single();
                    case F64, F8_E4M3, F8_E5M2, I64, I32, I16, U8, BOOL -> Double.NaN;
                };
            }
        }
        return Double.NaN;
    }
}
