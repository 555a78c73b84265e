// RMSNorm of groups of K columns, compiled for each K. A team of threads has a group; what a thread has of it stays in registers between the sum and its use, so
// that every element is read once and written once.

using T = TYPE;
constexpr int W = LANES;    // neighbours in a pack; divides K
constexpr int K = SIZE;     // columns of a group

constexpr int PACKS = K / W;

/** Threads of a team: a part of a warp up to 192 packs; above that some warps, so that a thread has four packs: more do not fit its registers. */
constexpr int TEAM = PACKS > 4096 ? 1024 : PACKS > 192 ? (PACKS + 127) / 128 * 32 : PACKS > 16 ? 32 : PACKS > 8 ? 16 : PACKS > 4 ? 8 : PACKS > 2 ? 4 : PACKS;
constexpr int TEAMS = TEAM < 256 ? 256 / TEAM : 1;  // of a block
constexpr int THREADS = TEAMS * TEAM;
constexpr int P = (PACKS + TEAM - 1) / TEAM;        // packs of a thread

/** Sum over a team's threads, in all of them; all threads of the block call. */
FORCE float teamSum(float x) {
    if constexpr (TEAM <= 32) return warpSum<TEAM>(x);
    __shared__ float sums[THREADS / 32];
    x = warpSum(x);
    __syncthreads();  // a sum before this one may still be read
    if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = x;
    __syncthreads();
    float sum = 0;
#pragma unroll
    for (int warp = 0; warp < TEAM / 32; warp++) sum += sums[threadIdx.x / TEAM * (TEAM / 32) + warp];
    return sum;
}

/** Column of a thread's pack p of its group; the pack is there where it is below K. */
FORCE int columnOf(int p) { return (threadIdx.x % TEAM + p * TEAM) * W; }

/** Calls f(row, group of the row, whether there is such a row) for all groups, the threads of a block together. */
template <class F> FORCE void eachGroup(i64 rows, int groups, F f) {
    i64 total = rows * groups;
    for (i64 first = (i64) blockIdx.x * TEAMS; first < total; first += (i64) gridDim.x * TEAMS) {
        i64 group = first + threadIdx.x / TEAM;
        bool here = group < total;
        i64 row = groups == 1 ? group : group / groups;
        f(row, (int) (group - row * groups), here);
    }
}

template <bool ADD> FORCE void norm(T* x, i64 xStride, const T* delta, i64 deltaStride, const T* weight, float epsilon,
                                                         T* out, i64 outStride, float* inverse, i64 inverseStride, i64 rows, int groups) {
    eachGroup(rows, groups, [&](i64 row, int group, bool here) {
        T* from = x + row * xStride + (i64) group * K;
        Pack<T, W> packs[P], deltas[P];
#pragma unroll
        for (int p = 0; p < P; p++) {
            if (here && columnOf(p) < K) {
                packs[p] = load<W>(from + columnOf(p));
                if (ADD) deltas[p] = load<W>(delta + row * deltaStride + (i64) group * K + columnOf(p));
            }
        }
        float squares = 0;
#pragma unroll
        for (int p = 0; p < P; p++) {
            if (here && columnOf(p) < K) {
#pragma unroll
                for (int i = 0; i < W; i++) {
                    if (ADD) packs[p].at[i] = rounded<T>(real(packs[p].at[i]) + real(deltas[p].at[i]));
                    squares += real(packs[p].at[i]) * real(packs[p].at[i]);
                }
                if (ADD) store(from + columnOf(p), packs[p]);
            }
        }
        float scale = rsqrtf(teamSum(squares) / K + epsilon);
        if (!here) return;
        T* to = out + row * outStride + (i64) group * K;
#pragma unroll
        for (int p = 0; p < P; p++) {
            if (columnOf(p) < K) {
                Pack<T, W> factors = load<W>(weight + columnOf(p));
#pragma unroll
                for (int i = 0; i < W; i++) {
                    // Rounded before the weight as well: what models were trained with.
                    packs[p].at[i] = rounded<T>(real(rounded<T>(real(packs[p].at[i]) * scale)) * real(factors.at[i]));
                }
                store(to + columnOf(p), packs[p]);
            }
        }
        if (inverse && threadIdx.x % TEAM == 0) inverse[row * inverseStride + group] = scale;
    });
}

extern "C" __global__ void __launch_bounds__(THREADS) rmsNorm(T* x, i64 xStride, const T* weight, float epsilon, T* out, i64 outStride,
                                                              float* inverse, i64 inverseStride, i64 rows, int groups) {
    norm<false>(x, xStride, nullptr, 0, weight, epsilon, out, outStride, inverse, inverseStride, rows, groups);
}

/** x += delta first */
extern "C" __global__ void __launch_bounds__(THREADS) addRmsNorm(T* x, i64 xStride, const T* delta, i64 deltaStride, const T* weight,
                                                                 float epsilon, T* out, i64 outStride, float* inverse, i64 inverseStride,
                                                                 i64 rows, int groups) {
    norm<true>(x, xStride, delta, deltaStride, weight, epsilon, out, outStride, inverse, inverseStride, rows, groups);
}

/** Sum over the block's teams, team by team, of what each has for its columns, to partial[block][K]. */
FORCE void storePartial(float (&sums)[P][W], float* partial) {
    float* to = partial + (i64) blockIdx.x * K;
    if constexpr (TEAMS == 1) {
#pragma unroll
        for (int p = 0; p < P; p++) {
#pragma unroll
            for (int i = 0; i < W; i++) if (columnOf(p) < K) to[columnOf(p) + i] = sums[p][i];
        }
    } else {
        __shared__ float shared[K];
        for (int team = 0; team < TEAMS; team++) {
            if (threadIdx.x / TEAM == team) {
#pragma unroll
                for (int p = 0; p < P; p++) {
#pragma unroll
                    for (int i = 0; i < W; i++) {
                        if (columnOf(p) < K) shared[columnOf(p) + i] = sums[p][i] + (team == 0 ? 0 : shared[columnOf(p) + i]);
                    }
                }
            }
            __syncthreads();
        }
        for (int column = threadIdx.x; column < K; column += THREADS) to[column] = shared[column];
    }
}

/**
 * dx = or += inverse * (dy * weight - x * inverse^2 * sum(dy * weight * x) / K); partial, where not null, gets each block's sum of dy * x * inverse, which
 * columns.cu adds up.
 */
extern "C" __global__ void __launch_bounds__(THREADS, THREADS <= 256 ? 2 : 1)
    rmsNormGrad(const T* dy, i64 dyStride, const T* x, i64 xStride, const T* weight, const float* inverse, i64 inverseStride, T* dx,
                i64 dxStride, int accumulate, float* partial, i64 rows, int groups) {
    float sums[P][W] = {};
    eachGroup(rows, groups, [&](i64 row, int group, bool here) {
        const T* gradRow = dy + row * dyStride + (i64) group * K;
        const T* xRow = x + row * xStride + (i64) group * K;
        T* to = dx + row * dxStride + (i64) group * K;
        Pack<T, W> grads[P], values[P];
#pragma unroll
        for (int p = 0; p < P; p++) {
            if (here && columnOf(p) < K) {
                grads[p] = load<W>(gradRow + columnOf(p));
                values[p] = load<W>(xRow + columnOf(p));
            }
        }
        float scale = here ? inverse[row * inverseStride + group] : 0;
        float dot = 0;
#pragma unroll
        for (int p = 0; p < P; p++) {
            if (here && columnOf(p) < K) {
                Pack<T, W> factors = load<W>(weight + columnOf(p));
#pragma unroll
                for (int i = 0; i < W; i++) {
                    float product = real(grads[p].at[i]) * real(values[p].at[i]);
                    dot += product * real(factors.at[i]);
                    sums[p][i] += product * scale;
                }
            }
        }
        float shift = scale * scale * teamSum(dot) / K;
        if (!here) return;
#pragma unroll
        for (int p = 0; p < P; p++) {
            if (columnOf(p) < K) {
                Pack<T, W> factors = load<W>(weight + columnOf(p)), old;
                if (accumulate) old = load<W>(to + columnOf(p));
#pragma unroll
                for (int i = 0; i < W; i++) {
                    float grad = scale * (real(grads[p].at[i]) * real(factors.at[i]) - real(values[p].at[i]) * shift);
                    grads[p].at[i] = rounded<T>(accumulate ? real(old.at[i]) + grad : grad);
                }
                store(to + columnOf(p), grads[p]);
            }
        }
    });
    if (partial) storePartial(sums, partial);
}
