/**
 * A deck.gl layer of icons from one sheet, as deck.gl's IconLayer, but as plain triangles instead of instances.
 *
 * Without a graphics card the browser draws each instance by itself: 500 vehicles then take 39 ms of processor time a frame,
 * as triangles 17 (1040 by 840 px, SwiftShader).
 */
import {
  Layer,
  color,
  picking,
  project32,
  type Accessor,
  type DefaultProps,
  type LayerDataSource,
  type LayerProps,
  type UpdateParameters,
} from "@deck.gl/core";
import type { Texture } from "@luma.gl/core";
import { Model } from "@luma.gl/engine";
import type { Sheet, SheetIcon } from "./sheet";

interface OwnProps<Data> {
  data: LayerDataSource<Data>;
  /** Pixels of the sheet; a new object is a new texture. */
  atlas: Sheet["atlas"];
  mapping: Sheet["mapping"];
  sharpness: Sheet["sharpness"];
  /** Icons lie on the map and turn with it, instead of standing upright on the screen. */
  flat?: boolean;
  getPosition?: Accessor<Data, [number, number, number]>;
  getIcon?: Accessor<Data, string>;
  /** Size, 1 as drawn. */
  getScale?: Accessor<Data, number>;
  /** Degrees counter-clockwise. */
  getAngle?: Accessor<Data, number>;
  /** 0 to 1. */
  getOpacity?: Accessor<Data, number>;
  /** px, x to the right and y downwards. */
  getPixelOffset?: Accessor<Data, [number, number]>;
}

export type SpriteLayerProps<Data> = OwnProps<Data> & LayerProps;

const VERTICES = 6;
const NO_ICON: SheetIcon = { x: 0, y: 0, width: 0, height: 0, anchorX: 0, anchorY: 0 };

// Icons are drawn at about their own size: smaller copies of the sheet would only cost time.
const SAMPLER = { minFilter: "linear", magFilter: "linear", mipmapFilter: "none" } as const;

const defaultProps = {
  atlas: { type: "image", value: null, async: true, parameters: SAMPLER },
  mapping: { type: "object", value: {} },
  sharpness: 1,
  flat: false,
  getPosition: { type: "accessor", value: [0, 0, 0] },
  getIcon: { type: "accessor", value: "" },
  getScale: { type: "accessor", value: 1 },
  getAngle: { type: "accessor", value: 0 },
  getOpacity: { type: "accessor", value: 1 },
  getPixelOffset: { type: "accessor", value: [0, 0] },
};

const UNIFORMS = `\
layout(std140) uniform spriteUniforms {
  vec2 atlasSize;
  float sharpness;
  float flatOnMap;
} sprite;
`;

const spriteUniforms = {
  name: "sprite",
  vs: UNIFORMS,
  fs: UNIFORMS,
  uniformTypes: { atlasSize: "vec2<f32>", sharpness: "f32", flatOnMap: "f32" },
} as const;

const VERTEX_SHADER = `\
#version 300 es
#define SHADER_NAME sprite-layer-vertex
in vec3 places;
in vec3 places64Low;
in vec4 frames;
in vec2 anchors;
in vec2 offsets;
in float scales;
in float angles;
in float opacities;
out vec2 vTexture;
out float vOpacity;

const vec2 CORNERS[6] = vec2[6](
  vec2(0.0, 0.0), vec2(1.0, 0.0), vec2(0.0, 1.0), vec2(0.0, 1.0), vec2(1.0, 0.0), vec2(1.0, 1.0)
);

void main(void) {
  vec2 corner = CORNERS[gl_VertexID % 6];
  float turn = radians(angles);
  mat2 rotation = mat2(cos(turn), -sin(turn), sin(turn), cos(turn));
  vec2 pixels = rotation * (corner * frames.zw - anchors) * (scales / sprite.sharpness) + offsets;
  pixels.y *= -1.0;
  if (sprite.flatOnMap > 0.5) {
    gl_Position = project_position_to_clipspace(places, places64Low, vec3(project_pixel_size(pixels), 0.0));
  } else {
    gl_Position = project_position_to_clipspace(places, places64Low, vec3(0.0));
    gl_Position.xy += project_pixel_size_to_clipspace(pixels);
  }
  vTexture = (frames.xy + corner * frames.zw) / sprite.atlasSize;
  vOpacity = opacities;
}
`;

const FRAGMENT_SHADER = `\
#version 300 es
#define SHADER_NAME sprite-layer-fragment
precision mediump float;
uniform sampler2D spriteAtlas;
in vec2 vTexture;
in float vOpacity;
out vec4 fragColor;

void main(void) {
  fragColor = texture(spriteAtlas, vTexture);
  fragColor.a *= vOpacity;
}
`;

export class SpriteLayer<Data> extends Layer<Required<OwnProps<Data>>> {
  static override layerName = "SpriteLayer";
  // The image's own type is the texture made of it.
  static override defaultProps = defaultProps as unknown as DefaultProps<SpriteLayerProps<unknown>>;

  declare state: { model?: Model; numInstances: number; startIndices: Uint32Array };

  override getShaders() {
    return super.getShaders({
      vs: VERTEX_SHADER,
      fs: FRAGMENT_SHADER,
      modules: [project32, color, picking, spriteUniforms],
    }) as unknown;
  }

  override initializeState(): void {
    this.state = { numInstances: 0, startIndices: new Uint32Array(0) };
    this.getAttributeManager()?.add({
      places: { size: 3, type: "float64", fp64: this.use64bitPositions(), accessor: "getPosition" },
      icons: {
        size: 6,
        accessor: "getIcon",
        // Called on the layer of the day: deck.gl makes a new one for each change and hands the attributes over.
        // eslint-disable-next-line @typescript-eslint/unbound-method
        transform: this.iconDefinition,
        shaderAttributes: { frames: { size: 4, elementOffset: 0 }, anchors: { size: 2, elementOffset: 4 } },
      },
      offsets: { size: 2, accessor: "getPixelOffset" },
      scales: { size: 1, accessor: "getScale" },
      angles: { size: 1, accessor: "getAngle" },
      opacities: { size: 1, accessor: "getOpacity" },
    });
  }

  override updateState(parameters: UpdateParameters<this>): void {
    super.updateState(parameters);
    const { props, oldProps, changeFlags } = parameters;
    if (changeFlags.dataChanged) {
      const count = (props.data as readonly Data[]).length;
      const startIndices = Uint32Array.from({ length: count }, (_, i) => i * VERTICES);
      this.setState({ numInstances: count * VERTICES, startIndices });
    }
    if (props.mapping !== oldProps.mapping) this.getAttributeManager()?.invalidate("getIcon");
    if (changeFlags.extensionsChanged) {
      this.state.model?.destroy();
      this.state.model = this.createModel();
      this.getAttributeManager()?.invalidateAll();
    }
  }

  override draw(): void {
    const { model, numInstances } = this.state;
    const atlas = this.props.atlas as unknown as Texture | null; // deck.gl made the texture of it
    if (model === undefined || atlas === null || numInstances === 0) return;
    model.setVertexCount(numInstances);
    const { sharpness, flat } = this.props;
    const atlasSize = [atlas.width, atlas.height];
    model.shaderInputs.setProps({ sprite: { spriteAtlas: atlas, atlasSize, sharpness, flatOnMap: flat ? 1 : 0 } });
    model.draw(this.context.renderPass);
  }

  private createModel(): Model {
    return new Model(this.context.device, {
      ...(this.getShaders() as object),
      id: this.props.id,
      bufferLayout: this.getAttributeManager()?.getBufferLayouts({ isInstanced: false }) ?? [],
      topology: "triangle-list",
    });
  }

  protected iconDefinition(name: string): number[] {
    const { x, y, width, height, anchorX, anchorY } = this.props.mapping[name] ?? NO_ICON;
    return [x, y, width, height, anchorX, anchorY];
  }
}
