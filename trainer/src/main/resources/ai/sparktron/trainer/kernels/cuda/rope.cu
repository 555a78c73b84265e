// Rotary positions in place (arXiv 2104.09864).

using T = TYPE;
constexpr int W = LANES;    // neighbours in a pack; divides half of what is rotated (halves) or all of it (pairs)

/** Calls f(row of the table, first element of the head, pack of it) for each of the packs of a head, of every head and token. */
template <class F> FORCE void eachRotation(T* x, i64 stride, i64 tokens, int heads, int headSize, const int* positions,
                                                                 const float* table, i64 tableStride, int packs, F f) {
    eachPack<1>(tokens, (i64) heads * packs, [&](i64 token, i64 item, auto) {
        int head = (int) item / packs;
        f(table + positions[token] * tableStride, x + token * stride + (i64) head * headSize, (int) item - head * packs);
    });
}

FORCE void rotate(T& a, T& b, float cosine, float sine) {
    float first = real(a), second = real(b);
    a = rounded<T>(first * cosine - second * sine);
    b = rounded<T>(second * cosine + first * sine);
}

/** Element i with i + half; direction 1 forward, -1 backward. */
extern "C" __global__ void ropeHalves(T* x, i64 stride, i64 tokens, int heads, int headSize, const int* positions, const float* table,
                                      i64 tableStride, int half, float direction) {
    eachRotation(x, stride, tokens, heads, headSize, positions, table, tableStride, half / W, [&](const float* angles, T* head, int pack) {
        Pack<T, W> a = load<W>(head + pack * W), b = load<W>(head + half + pack * W);
        float cosines[W], sines[W];
        loadFloats<W>(angles + pack * W, cosines);
        loadFloats<W>(angles + half + pack * W, sines);
#pragma unroll
        for (int i = 0; i < W; i++) rotate(a.at[i], b.at[i], cosines[i], direction * sines[i]);
        store(head + pack * W, a);
        store(head + half + pack * W, b);
    });
}

/** Element 2i with 2i + 1; a pack of one is the pair's first element, and the second follows it. */
extern "C" __global__ void ropePairs(T* x, i64 stride, i64 tokens, int heads, int headSize, const int* positions, const float* table,
                                     i64 tableStride, int half, float direction) {
    constexpr int PAIRS = W == 1 ? 1 : W / 2;
    eachRotation(x, stride, tokens, heads, headSize, positions, table, tableStride, half / PAIRS, [&](const float* angles, T* head, int pack) {
        T* at = head + pack * PAIRS * 2;
        float cosines[PAIRS], sines[PAIRS];
        loadFloats<PAIRS>(angles + pack * PAIRS, cosines);
        loadFloats<PAIRS>(angles + half + pack * PAIRS, sines);
        if constexpr (W == 1) {
            rotate(at[0], at[1], cosines[0], direction * sines[0]);
        } else {
            Pack<T, W> elements = load<W>(at);
#pragma unroll
            for (int i = 0; i < PAIRS; i++) rotate(elements.at[2 * i], elements.at[2 * i + 1], cosines[i], direction * sines[i]);
            store(at, elements);
        }
    });
}
