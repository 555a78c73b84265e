// The balancing loss of a mixture of experts.

/** loss[0] += sum over s of factors[s] * sum over e of counts[s, e] * probabilities[s, e]. One block. */
extern "C" __global__ void __launch_bounds__(1024) balanceLoss(const float* counts, i64 countStride, const float* probabilities,
                                                               i64 probabilityStride, const float* factors, float* loss, int sequences, int experts) {
    double sum = 0;
    for (i64 at = threadIdx.x; at < (i64) sequences * experts; at += blockDim.x) {
        i64 s = at / experts, e = at - s * experts;
        sum += (double) factors[s] * counts[s * countStride + e] * probabilities[s * probabilityStride + e];
    }
    sum = blockSum(sum);
    if (threadIdx.x == 0) loss[0] += (float) sum;
}
