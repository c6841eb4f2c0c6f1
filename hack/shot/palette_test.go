package main

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"testing"
)

// shades is a picture of more colours than a palette has: each of the first
// rows its own shade, and below it one colour.
func shades(n int, rest color.NRGBA) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, 8, 2*n))
	draw.Draw(img, img.Bounds(), image.NewUniform(rest), image.Point{}, draw.Src)
	for y := range n {
		img.SetNRGBA(0, y, color.NRGBA{uint8(y), uint8(y / 2), uint8(y / 3), 255})
	}
	return img
}

func TestFewColoursStayAsTheyAre(t *testing.T) {
	img := shades(200, color.NRGBA{9, 99, 199, 255})
	data, err := encodePNG(img)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodePNG(bytes.NewReader(data))
	if err != nil || !bytes.Equal(got.Pix, img.Pix) {
		t.Errorf("the picture is another one: %v", err)
	}
}

func TestManyColoursAreNear(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 64, 64))
	for i := range 64 * 64 {
		img.SetNRGBA(i%64, i/64, color.NRGBA{uint8(i % 64 * 4), uint8(i / 64 * 4), 128, 255})
	}
	data, err := encodePNG(img)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodePNG(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	worst := 0
	for i := range img.Pix {
		worst = max(worst, int(img.Pix[i])-int(got.Pix[i]), int(got.Pix[i])-int(img.Pix[i]))
	}
	// 256 colours for 256×256 shades: boxes of 16×16.
	if worst > 24 {
		t.Errorf("a colour is off by %d", worst)
	}
}

func TestAnimationHoldsWhatDiffers(t *testing.T) {
	first := shades(100, color.NRGBA{9, 99, 199, 255})
	second := image.NewNRGBA(first.Rect)
	copy(second.Pix, first.Pix)
	second.SetNRGBA(3, 150, color.NRGBA{255, 255, 255, 255})
	second.SetNRGBA(5, 160, color.NRGBA{255, 255, 255, 255})
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, animate([]*image.NRGBA{first, second, second}, []int{10, 20, 30})); err != nil {
		t.Fatal(err)
	}
	g, err := gif.DecodeAll(&b)
	if err != nil {
		t.Fatal(err)
	}
	if g.LoopCount != 0 || len(g.Delay) != 3 || g.Delay[1] != 20 {
		t.Errorf("loops %d, delays %v", g.LoopCount, g.Delay)
	}
	if got, want := g.Image[1].Rect, image.Rect(3, 150, 6, 161); got != want {
		t.Errorf("the second frame is %v, want %v", got, want)
	}
	if got := g.Image[2].Rect; got.Dx()*got.Dy() != 1 {
		t.Errorf("nothing has changed, but the third frame is %v", got)
	}
	canvas := image.NewNRGBA(first.Rect)
	for i, want := range []*image.NRGBA{first, second, second} {
		draw.Draw(canvas, g.Image[i].Rect, g.Image[i], g.Image[i].Rect.Min, draw.Over)
		if !bytes.Equal(canvas.Pix, want.Pix) {
			t.Errorf("frame %d is another picture", i)
		}
	}
}
