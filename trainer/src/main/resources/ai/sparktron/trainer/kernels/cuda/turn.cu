// The transpose of a matrix in eight bits, as quantise.cu would have written it: a block of 256 threads has a tile of 128 x 128.

constexpr int W = LANES;                // 4 where four neighbours can be loaded at once, else 1
constexpr bool SQUARES = SIZE == 2;     // a scale for each tile; else one

constexpr int TILE = 128, WARPS = 8;

/** Four neighbours of a row, zeros behind its end. */
FORCE unsigned four(const unsigned char* row, i64 column, i64 columns) {
    if (W == 4) return column < columns ? *reinterpret_cast<const unsigned*>(row + column) : 0;
    unsigned word = 0;
    for (int i = 0; i < 4; i++) if (column + i < columns) word |= (unsigned) row[column + i] << 8 * i;
    return word;
}

/** turned [C, turnedStride] of rows [R, C], zeros behind its R columns. */
extern "C" __global__ void __launch_bounds__(256) turn(const unsigned char* rows, i64 R, i64 C, const float* rowScales, i64 rowScaleStride, unsigned char* turned,
        i64 turnedStride, float* turnedScales, i64 turnedScaleStride) {
    __shared__ unsigned tile[TILE][TILE / 4 + 1];
    i64 firstRow = (i64) blockIdx.y * TILE, firstColumn = (i64) blockIdx.x * TILE;
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    i64 column = firstColumn + 4 * lane;
    if (threadIdx.x == 0 && (SQUARES || blockIdx.x + blockIdx.y == 0)) {
        turnedScales[blockIdx.x * turnedScaleStride + blockIdx.y] = rowScales[blockIdx.y * rowScaleStride + blockIdx.x];
    }
#pragma unroll
    for (int g = 0; g < TILE / 4 / WARPS; g++) {
        int quarter = warp + WARPS * g;  // of four rows
        unsigned w[4];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            i64 row = firstRow + 4 * quarter + i;
            w[i] = row < R ? four(rows + row * C, column, C) : 0;
        }
        unsigned lowA = __byte_perm(w[0], w[1], 0x5140), lowB = __byte_perm(w[2], w[3], 0x5140);
        unsigned highA = __byte_perm(w[0], w[1], 0x7362), highB = __byte_perm(w[2], w[3], 0x7362);
        // Turned by a word for each 32 columns, so that a warp's words go to 32 banks.
        int place = (quarter + lane / 8) % 32;
        tile[4 * lane][place] = __byte_perm(lowA, lowB, 0x5410);
        tile[4 * lane + 1][place] = __byte_perm(lowA, lowB, 0x7632);
        tile[4 * lane + 2][place] = __byte_perm(highA, highB, 0x5410);
        tile[4 * lane + 3][place] = __byte_perm(highA, highB, 0x7632);
    }
    __syncthreads();
    for (int part = threadIdx.x; part < TILE * 8; part += 256) {
        int c = part / 8, sixteen = part % 8;
        i64 to = firstRow + 16 * sixteen;
        if (firstColumn + c >= C || to >= turnedStride) continue;
        Pack<unsigned, 4> bytes;
#pragma unroll
        for (int i = 0; i < 4; i++) bytes.at[i] = tile[c][(4 * sixteen + i + c / 32) % 32];
        store(reinterpret_cast<unsigned*>(turned + (firstColumn + c) * turnedStride + to), bytes);
    }
}
