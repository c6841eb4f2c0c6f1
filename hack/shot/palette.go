package main

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/png"
	"io"
	"slices"
)

// exact is how many of the most frequent colours a palette has as they are: the
// backgrounds and the words' own colours. The others are shades at the edges of
// letters.
const exact = 64

// decodePNG reads a picture.
func decodePNG(r io.Reader) (*image.NRGBA, error) {
	img, err := png.Decode(r)
	if err != nil {
		return nil, err
	}
	if n, ok := img.(*image.NRGBA); ok {
		return n, nil
	}
	n := image.NewNRGBA(img.Bounds())
	draw.Draw(n, n.Bounds(), img, img.Bounds().Min, draw.Src)
	return n, nil
}

// encodePNG writes a picture with 256 colours, a quarter of the size that it
// has with all.
func encodePNG(img *image.NRGBA) ([]byte, error) {
	q := newQuantizer([]*image.NRGBA{img}, 256)
	out := image.NewPaletted(img.Bounds(), q.palette)
	q.indices(img, out.Pix)
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestCompression}
	err := e.Encode(&b, out)
	return b.Bytes(), err
}

// animate puts pictures of one size behind one another, each for its delay in
// hundredths of a second. A frame holds only what differs from the one before.
func animate(images []*image.NRGBA, delays []int) *gif.GIF {
	q := newQuantizer(images, 255)
	same := uint8(len(q.palette))
	palette := append(slices.Clone(q.palette), color.NRGBA{})
	bounds := images[0].Bounds()
	w, h := bounds.Dx(), bounds.Dy()
	out := &gif.GIF{Config: image.Config{ColorModel: palette, Width: w, Height: h}}
	var shown []uint8
	for i, img := range images {
		next := make([]uint8, w*h)
		q.indices(img, next)
		r := changed(shown, next, w, h)
		f := image.NewPaletted(r, palette)
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				at := y*w + x
				if f.Pix[f.PixOffset(x, y)] = same; shown == nil || shown[at] != next[at] {
					f.Pix[f.PixOffset(x, y)] = next[at]
				}
			}
		}
		out.Image = append(out.Image, f)
		out.Delay = append(out.Delay, delays[i])
		out.Disposal = append(out.Disposal, gif.DisposalNone)
		shown = next
	}
	return out
}

// changed is the smallest rectangle around what differs; one pixel when nothing
// does, since a frame must have some.
func changed(a, b []uint8, w, h int) image.Rectangle {
	if a == nil {
		return image.Rect(0, 0, w, h)
	}
	var r image.Rectangle
	for y := range h {
		left, right := y*w, (y+1)*w
		for left < right && a[left] == b[left] {
			left++
		}
		for right > left && a[right-1] == b[right-1] {
			right--
		}
		if left < right {
			r = r.Union(image.Rect(left-y*w, y, right-y*w, y+1))
		}
	}
	if r.Empty() {
		return image.Rect(0, 0, 1, 1)
	}
	return r
}

// quantizer maps colours to a palette.
type quantizer struct {
	palette color.Palette
	known   map[color.NRGBA]uint8
}

// tint is a colour and how many pixels have it.
type tint struct {
	c color.NRGBA
	n int
}

func (t tint) channel(i int) uint8 {
	return [4]uint8{t.c.R, t.c.G, t.c.B, t.c.A}[i]
}

// newQuantizer makes a palette of at most size colours for all of the pictures:
// the most frequent ones, and for the rest Heckbert's median cut ("Color image
// quantization for frame buffer display", 1982).
func newQuantizer(images []*image.NRGBA, size int) *quantizer {
	count := map[color.NRGBA]int{}
	for _, img := range images {
		for i := 0; i < len(img.Pix); i += 4 {
			count[pixel(img, i)]++
		}
	}
	tints := make([]tint, 0, len(count))
	for c, n := range count {
		tints = append(tints, tint{c, n})
	}
	slices.SortFunc(tints, func(a, b tint) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(number(a.c), number(b.c)))
	})
	q := &quantizer{known: make(map[color.NRGBA]uint8, len(count))}
	if len(tints) <= size {
		for _, t := range tints {
			q.add([]tint{t})
		}
		return q
	}
	for _, t := range tints[:min(exact, size/2)] {
		q.add([]tint{t})
	}
	for _, box := range cut(tints[min(exact, size/2):], size-len(q.palette)) {
		q.add(box)
	}
	return q
}

func number(c color.NRGBA) uint32 {
	return uint32(c.R)<<24 | uint32(c.G)<<16 | uint32(c.B)<<8 | uint32(c.A)
}

func pixel(img *image.NRGBA, i int) color.NRGBA {
	return color.NRGBA{img.Pix[i], img.Pix[i+1], img.Pix[i+2], img.Pix[i+3]}
}

// add gives the colours of a box one place in the palette: their mean.
func (q *quantizer) add(box []tint) {
	var sum [4]int
	n := 0
	for _, t := range box {
		for i := range sum {
			sum[i] += int(t.channel(i)) * t.n
		}
		n += t.n
		q.known[t.c] = uint8(len(q.palette))
	}
	for i := range sum {
		sum[i] = (sum[i] + n/2) / n
	}
	q.palette = append(q.palette, color.NRGBA{uint8(sum[0]), uint8(sum[1]), uint8(sum[2]), uint8(sum[3])})
}

// cut divides colours into n boxes, always the one with the widest channel, at
// the middle of its pixels.
func cut(all []tint, n int) [][]tint {
	boxes := [][]tint{all}
	for len(boxes) < n {
		widest, channel, width := 0, 0, -1
		for i, box := range boxes {
			if c, w := spread(box); len(box) > 1 && w > width {
				widest, channel, width = i, c, w
			}
		}
		if width < 0 {
			break
		}
		box := boxes[widest]
		slices.SortFunc(box, func(a, b tint) int {
			return cmp.Or(cmp.Compare(a.channel(channel), b.channel(channel)), cmp.Compare(number(a.c), number(b.c)))
		})
		total := 0
		for _, t := range box {
			total += t.n
		}
		half, at := box[0].n, 1
		for ; at < len(box)-1 && half < total/2; at++ {
			half += box[at].n
		}
		boxes[widest] = box[:at]
		boxes = append(boxes, box[at:])
	}
	return boxes
}

// spread is the channel in which the colours of a box differ most, and by how
// much.
func spread(box []tint) (channel, width int) {
	for i := range 4 {
		low, high := uint8(255), uint8(0)
		for _, t := range box {
			low, high = min(low, t.channel(i)), max(high, t.channel(i))
		}
		if w := int(high) - int(low); w > width {
			channel, width = i, w
		}
	}
	return channel, width
}

// indices writes the places of a picture's colours in the palette.
func (q *quantizer) indices(img *image.NRGBA, to []uint8) {
	for i := range to {
		to[i] = q.known[pixel(img, 4*i)]
	}
}
